"""The log of executions goes to a stream whose name CloudWatch Logs takes: one without colons.

Stock names the stream after the state machine's ARN. The engine refuses that name, as AWS does, and no event is kept.
"""

from typing import Any

from localstack.services.stepfunctions.asl.eval.event.logging import CloudWatchLoggingConfiguration
from localstack.utils.patch import patch


def install() -> None:
    """Name the stream after the state machine, as AWS does but for the time and number that follow there."""

    @patch(CloudWatchLoggingConfiguration.__init__)
    def __init__(stock: Any, self: Any, state_machine_arn: str, *arguments: Any, **options: Any) -> None:
        stock(self, state_machine_arn, *arguments, **options)
        self.log_stream_name = f"states/{state_machine_arn.rsplit(':', 1)[-1]}"
