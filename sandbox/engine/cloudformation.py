"""CloudFormation deploys quickly, and log groups and event source mappings become what their templates say."""

from typing import Any

from botocore.waiter import Waiter
from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor
from localstack.services.lambda_.resource_providers.aws_lambda_eventsourcemapping import (
    LambdaEventSourceMappingProvider,
)
from localstack.services.logs.resource_providers.aws_logs_loggroup import LogsLogGroupProvider
from localstack.utils.patch import patch

INTERVAL_SECONDS = 0.05
POLLERS = "ProvisionedPollerConfig"


def install() -> None:
    """Poll the state of a resource every INTERVAL_SECONDS, where stock polls it every second; complete two resources.

    Stock sets no retention of log groups, and an update does not change the pollers of an event source mapping.
    """

    @patch(ResourceProviderExecutor.deploy_loop)
    def deploy_loop(stock: Any, self: Any, provider: Any, resource: Any, payload: Any) -> Any:
        return stock(self, provider, resource, payload, sleep_time=INTERVAL_SECONDS)

    @patch(Waiter.wait)
    def wait(stock: Any, self: Any, **kwargs: Any) -> None:
        # A function's update waits like this twice, for its code and for its configuration.
        if self.name == "FunctionUpdatedV2":
            kwargs.setdefault("WaiterConfig", {"Delay": INTERVAL_SECONDS, "MaxAttempts": 6000})
        stock(self, **kwargs)

    @patch(LogsLogGroupProvider.create)
    def create(stock: Any, self: Any, request: Any) -> Any:
        days = request.desired_state.get("RetentionInDays")
        result = stock(self, request)
        if days:
            name = result.resource_model["LogGroupName"]
            request.aws_client_factory.logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))
        return result

    @patch(LambdaEventSourceMappingProvider.update)
    def update(stock: Any, self: Any, request: Any) -> Any:
        result = stock(self, request)
        before, after = request.previous_state, request.desired_state
        if POLLERS in after and after[POLLERS] != before.get(POLLERS):
            request.aws_client_factory.lambda_.update_event_source_mapping(
                UUID=before["Id"], ProvisionedPollerConfig=after[POLLERS], ScalingConfig={}
            )
        return result
