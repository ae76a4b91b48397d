"""Where the extension enters the engine: runs once, before LocalStack serves its first request."""

from localstack.runtime import hooks

from sandbox import cloudformation, gateway, metrics, names, permissions, pollers, shutdown, step_functions


@hooks.on_infra_start()
def extend_engine() -> None:
    """Install every extension of the sandbox into this engine process."""
    gateway.install()
    names.install()
    shutdown.install()
    metrics.install()
    permissions.install()
    pollers.install()
    step_functions.install()
    cloudformation.install()
