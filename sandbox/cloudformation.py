"""The engine's CloudFormation, quick enough to deploy by, and log groups that keep their retention."""

from botocore.waiter import Waiter
from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor
from localstack.services.logs.resource_providers.aws_logs_loggroup import LogsLogGroupProvider
from localstack.utils.patch import patch

INTERVAL_SECONDS = 0.05


def install() -> None:
    """Look every INTERVAL_SECONDS at what is being made, not every second; set the retention of new log groups."""

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
