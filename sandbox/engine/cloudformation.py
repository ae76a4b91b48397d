"""CloudFormation deploys quickly, makes log groups and event source mappings as their templates say, and refuses
templates that would fill the memory."""

from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import yaml
from botocore.waiter import Waiter
from localstack.utils.patch import patch

INTERVAL_SECONDS = 0.02
POLLERS = "ProvisionedPollerConfig"

MAX_ADDED = 20_000
"""Values that aliases may add to a template: nine levels of ten aliases would add a thousand million."""

MAX_RESOURCES = 500
"""AWS's quota: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html."""

_loops: ContextVar[int] = ContextVar("calls of Fn::ForEach so far within the outermost one", default=0)


def install(_provider: Any) -> None:
    """Patch the service, which the engine has just loaded."""
    _poll_quickly()
    _read_once()
    _complete_resources()
    _bound_templates()


def _poll_quickly() -> None:
    """Poll the state of a resource every INTERVAL_SECONDS, and tell why one failed.

    Stock polls it every second, and of a failed update it says that the resource cannot be deleted.
    """
    from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor

    @patch(ResourceProviderExecutor.deploy_loop)
    def deploy_loop(stock: Any, self: Any, provider: Any, resource: Any, payload: Any) -> Any:
        event = stock(self, provider, resource, payload, sleep_time=INTERVAL_SECONDS)
        if cause := (event.custom_context or {}).get("exception"):
            event.message = str(cause)
        return event

    @patch(Waiter.wait)
    def wait(stock: Any, self: Any, **kwargs: Any) -> None:
        # A function's update waits like this twice, for its code and for its configuration.
        if self.name == "FunctionUpdatedV2":
            kwargs.setdefault("WaiterConfig", {"Delay": INTERVAL_SECONDS, "MaxAttempts": 6000})
        stock(self, **kwargs)


def _read_once() -> None:
    """Keep the last templates as they were read, which takes a quarter of a deployment's CPU time."""
    from localstack.services.cloudformation.engine import yaml_parser

    # The only caller copies what it gets.
    yaml_parser.parse_yaml = lru_cache(maxsize=4)(yaml_parser.parse_yaml)


def _complete_resources() -> None:
    """Set the retention of log groups, and update the pollers of event source mappings; stock does neither."""
    from localstack.services.lambda_.resource_providers import aws_lambda_eventsourcemapping as mappings
    from localstack.services.logs.resource_providers.aws_logs_loggroup import LogsLogGroupProvider

    @patch(LogsLogGroupProvider.create)
    def create(stock: Any, self: Any, request: Any) -> Any:
        days = request.desired_state.get("RetentionInDays")
        result = stock(self, request)
        if days:
            name = result.resource_model["LogGroupName"]
            request.aws_client_factory.logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))
        return result

    @patch(mappings.LambdaEventSourceMappingProvider.update)
    def update(stock: Any, self: Any, request: Any) -> Any:
        result = stock(self, request)
        before, after = request.previous_state, request.desired_state
        if POLLERS in after and after[POLLERS] != before.get(POLLERS):
            request.aws_client_factory.lambda_.update_event_source_mapping(
                UUID=before["Id"], ProvisionedPollerConfig=after[POLLERS], ScalingConfig={}
            )
        return result


def _bound_templates() -> None:
    """Bound the values that YAML aliases and `Fn::ForEach` make of a template, before they are made."""
    from localstack.services.cloudformation.engine import transformers
    from localstack.services.cloudformation.engine.validations import ValidationError
    from localstack.services.cloudformation.engine.yaml_parser import NoDatesSafeLoader

    @patch(NoDatesSafeLoader.get_single_node)
    def get_single_node(stock: Any, self: NoDatesSafeLoader) -> yaml.Node | None:
        """Count the aliases between reading and expanding."""
        node, sizes = stock(self), dict[int, int]()
        if node is not None and _expanded(node, sizes) - len(sizes) > MAX_ADDED:
            raise ValidationError(f"Template format error: YAML aliases add more than {MAX_ADDED} values.")
        return node

    @patch(transformers.expand_fn_foreach)
    def expand_fn_foreach(stock: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Count the calls: a loop makes one for each loop within it, at each of its turns."""
        run = _loops.get()
        before = _loops.set(run + 1)
        try:
            expanded = stock(*args, **kwargs) if run < MAX_RESOURCES else None
        finally:
            if run == 0:
                _loops.reset(before)
        if expanded is None or len(expanded) > MAX_RESOURCES:
            raise ValidationError(f"Template format error: Fn::ForEach makes more than {MAX_RESOURCES} resources.")
        return expanded


def _expanded(node: yaml.Node, sizes: dict[int, int]) -> int:
    """The number of values in `node` once every alias is a copy; `sizes` keeps it by the id of each node."""
    if id(node) not in sizes:
        sizes[id(node)] = MAX_ADDED * 10  # an alias to a node that contains it would never end
        sizes[id(node)] = 1 + sum(_expanded(part, sizes) for part in _parts(node))
    return sizes[id(node)]


def _parts(node: Any) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []
