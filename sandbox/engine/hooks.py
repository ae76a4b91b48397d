"""Installs the sandbox's extension in the engine, once, before LocalStack serves its first request."""

import gc
from typing import Any

from localstack.runtime import hooks
from localstack.services.edge import ROUTER
from localstack.services.plugins import Service
from localstack.utils.patch import patch

from sandbox import meter, pollers, step_functions
from sandbox.clock import endpoint as clock
from sandbox.clock import periodic
from sandbox.engine import (
    authorization,
    catalog,
    chain,
    cloudformation,
    cloudformation_role,
    constraints,
    event_targets,
    headers,
    http_requests,
    iam_resources,
    json_answers,
    json_requests,
    kept_logs,
    lambda_requests,
    offline,
    own_clients,
    permissions,
    queue_messages,
    queue_requests,
    s3,
    schedules,
    services,
    spared_work,
)
from sandbox.executor import log_writer
from sandbox.faults import calls, concurrency, endpoint, events, queues
from sandbox.settings import HEALTH_PATH

# The order counts once: a call that a fault prevents must not reach the meter, so faults wrap it.
AT_START = (
    *(clock, periodic, offline, own_clients, services, http_requests, json_requests, json_answers, headers, chain),
    authorization,
    *(catalog, spared_work, constraints, queue_requests, queue_messages, s3, permissions),
    *(pollers, meter),
    *(calls, concurrency, queues, endpoint),
)
WITH_SERVICE = {
    "cloudformation": [cloudformation, cloudformation_role, iam_resources],
    "events": [event_targets, events, schedules],
    "lambda": [lambda_requests],
    "logs": [kept_logs, log_writer],
    "stepfunctions": [step_functions],
}
"""By botocore's names: these modules patch a service once LocalStack loads it. LocalStack does so at the first use."""

OBJECTS_BETWEEN_SEARCHES = 10_000
"""Python's own 2,000 cost a batch a tenth of the engine's time: next to nothing of what a call leaves is garbage."""


@hooks.on_infra_start()
def extend_engine() -> None:
    """Install every part of the extension in this process, and answer HEALTH_PATH from then on."""
    for module in AT_START:
        module.install()

    @patch(Service.for_provider)
    def for_provider(stock: Any, provider: Any, *args: Any, **kwargs: Any) -> Service:
        for module in WITH_SERVICE.get(provider.service, ()):
            module.install(provider)
        return stock(provider, *args, **kwargs)

    services.load()
    # All that exists now stays: a search for garbage, which stops every thread for 0.4 s, leaves it out from now on.
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES)
    gc.enable()
    ROUTER.add(HEALTH_PATH, healthy, methods=["GET"])  # type: ignore[arg-type]


def healthy(_request: Any) -> Any:
    """Answer that the extension is installed."""
    return {"extension": "installed"}
