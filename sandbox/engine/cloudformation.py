"""The engine's CloudFormation, quick enough to deploy by; log groups and event sources as their templates say."""

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
    """Look every INTERVAL_SECONDS at what is being made, not every second; mend two kinds of resource.

    The stock providers set no retention of log groups, and do not change the pollers of event sources.
    """

    @patch(ResourceProviderExecutor.deploy_loop)
    def deploy_loop(stock, self, provider, resource, payload):
        return stock(self, provider, resource, payload, sleep_time=INTERVAL_SECONDS)

    @patch(Waiter.wait)
    def wait(stock, self, **kwargs):
        # A function's update waits like this twice, for its code and for its configuration.
        if self.name == "FunctionUpdatedV2":
            kwargs.setdefault("WaiterConfig", {"Delay": INTERVAL_SECONDS, "MaxAttempts": 6000})
        return stock(self, **kwargs)

    @patch(LogsLogGroupProvider.create)
    def create(stock, self, request):
        days = request.desired_state.get("RetentionInDays")
        made = stock(self, request)
        if days:
            name = made.resource_model["LogGroupName"]
            request.aws_client_factory.logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))
        return made

    @patch(LambdaEventSourceMappingProvider.update)
    def update(stock, self, request):
        made = stock(self, request)
        before, after = request.previous_state, request.desired_state
        if POLLERS in after and after[POLLERS] != before.get(POLLERS):
            request.aws_client_factory.lambda_.update_event_source_mapping(
                UUID=before["Id"], ProvisionedPollerConfig=after[POLLERS], ScalingConfig={}
            )
        return made
