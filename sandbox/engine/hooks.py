"""Where the extension enters the engine: runs once, before LocalStack serves its first request."""

from typing import Any

from localstack.runtime import hooks
from localstack.services.edge import ROUTER

from sandbox import faults, meter, pollers, step_functions
from sandbox.engine import (
    bodies,
    bucket_owner,
    catalog,
    cloudformation,
    event_targets,
    lambda_requests,
    metrics,
    names,
    offline,
    permissions,
    s3_storage,
    services,
    shutdown,
    templates,
)
from sandbox.settings import HEALTH_PATH


@hooks.on_infra_start()
def extend_engine() -> None:
    """Install every extension of the sandbox into this engine process."""
    offline.install()
    services.install()
    bodies.install()
    lambda_requests.install()
    templates.install()
    catalog.install()
    names.install()
    s3_storage.install()
    shutdown.install()
    metrics.install()
    permissions.install()
    bucket_owner.install()
    pollers.install()
    step_functions.install()
    cloudformation.install()
    event_targets.install()
    meter.install()
    faults.install()
    ROUTER.add(HEALTH_PATH, healthy, methods=["GET"])  # type: ignore[arg-type]


def healthy(request: Any) -> Any:
    """All of the extension is installed, and the engine answers."""
    return {"extension": "installed"}
