"""EventBridge's targets: a state machine takes any event, a transformed value keeps its line breaks, and an event that
the target does not take goes to the target's dead-letter queue.

Stock names an execution after the event's id, which a transformed event does not have. It drops an event that it cannot
deliver, whatever the target's DeadLetterConfig, and logs nothing.
"""

import json
import logging
import uuid
from functools import partial
from types import SimpleNamespace
from typing import Any

from localstack.aws.connect import connect_to
from localstack.utils.patch import patch

LOG = logging.getLogger(__name__)


def install(_provider: Any) -> None:
    """Correct how targets get their events."""
    from localstack.services.events import target as targets
    from localstack.services.events.utils import to_json_str
    from localstack.utils.aws.arns import sqs_queue_url_for_arn

    # Stock turns a template's `\n` into a line break before it parses the template as JSON.
    lenient = {"loads": partial(json.loads, strict=False), "dumps": json.dumps, "JSONDecodeError": json.JSONDecodeError}
    targets.json = SimpleNamespace(**lenient)  # type: ignore[attr-defined,assignment]

    @patch(targets.StatesTargetSender.send_event)
    def send_event(_stock: Any, self: Any, event: Any, _trace_header: Any) -> None:
        self.service = "stepfunctions"
        self.client.start_execution(
            stateMachineArn=self.target["Arn"], name=str(uuid.uuid4()), input=to_json_str(event)
        )

    @patch(targets.TargetSender.process_event)
    def process_event(stock: Any, self: Any, event: Any, trace_header: Any) -> None:
        try:
            stock(self, dict(event), trace_header)
        except Exception as error:
            LOG.warning("rule %s: target %s did not take an event: %s", self.rule_name, self.target_id, error)
            if queue := self.target.get("DeadLetterConfig", {}).get("Arn"):
                _dead_letter(self, queue, sqs_queue_url_for_arn(queue), to_json_str(event), error)
            raise


def _dead_letter(sender: Any, queue: str, queue_url: str, event: str, error: Exception) -> None:
    """As https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html says; without the retries."""
    attributes = {
        "RULE_ARN": sender.rule_arn,
        "TARGET_ARN": sender.arn,
        "ERROR_CODE": type(error).__name__,
        "ERROR_MESSAGE": str(error)[:1000] or "no reason given",
    }
    sqs = connect_to(aws_access_key_id=queue.split(":")[4], region_name=queue.split(":")[3]).sqs
    sqs.send_message(
        QueueUrl=queue_url,
        MessageBody=event,
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )
