"""The engine's process: `python -m sandbox.engine` runs LocalStack with the sandbox's extension, or fails.

LocalStack skips an extension that cannot be imported, and would then listen on every interface, unguarded. So this
module imports the extension first, and guards the port before LocalStack starts.
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
