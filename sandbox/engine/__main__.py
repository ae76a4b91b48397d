"""The engine's process: `python -m sandbox.engine` is LocalStack with the sandbox's extension, or nothing.

LocalStack passes over an extension that cannot be imported, and would then listen on every interface, unguarded. So the
extension is imported first, and the port is guarded before LocalStack starts.
"""

from localstack.runtime import main as localstack

import sandbox.engine.hooks  # noqa: F401  LocalStack runs it when it starts
from sandbox.engine import gateway


def main() -> None:
    """Guard the port and run LocalStack to its end."""
    gateway.install()
    localstack.main()


if __name__ == "__main__":
    main()
