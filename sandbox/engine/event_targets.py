"""EventBridge's targets: a state machine takes any event, a transformed value keeps its line breaks, and what cannot be
delivered goes to the target's dead-letter queue.

Stock names an execution after the event's id, which a transformed event has not, and drops an event that it cannot
deliver, whatever the target's DeadLetterConfig, without a word in its log.
"""

import json
import logging
import uuid
from functools import partial
from typing import Any

from localstack.aws.connect import connect_to
from localstack.utils.patch import patch

from sandbox.loading import when_loaded

LOG = logging.getLogger(__name__)


class _LenientJson:
    """`json`, with line breaks in strings: a template's `\\n` becomes one before the template is parsed."""

    loads = staticmethod(partial(json.loads, strict=False))
    dumps = staticmethod(json.dumps)
    JSONDecodeError = json.JSONDecodeError


def install() -> None:
    """Mend the targets when this engine loads EventBridge."""
    when_loaded("events", lambda provider: _mend())


def _mend() -> None:
    from localstack.services.events import target as module

    module.json = _LenientJson  # type: ignore[assignment]

    @patch(module.StatesTargetSender.send_event)
    def send_event(stock: Any, self: Any, event: Any, trace_header: Any) -> None:
        self.service = "stepfunctions"
        self.client.start_execution(
            stateMachineArn=self.target["Arn"], name=str(uuid.uuid4()), input=module.to_json_str(event)
        )

    @patch(module.TargetSender.process_event)
    def process_event(stock: Any, self: Any, event: Any, trace_header: Any) -> None:
        try:
            stock(self, dict(event), trace_header)
        except Exception as error:
            LOG.warning("rule %s: target %s did not take an event: %s", self.rule_name, self.target_id, error)
            if queue := self.target.get("DeadLetterConfig", {}).get("Arn"):
                _put_aside(self, queue, module.to_json_str(event), module.sqs_queue_url_for_arn(queue), error)
            raise


def _put_aside(sender: Any, queue: str, event: str, queue_url: str, error: Exception) -> None:
    """As https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html says; without the retries."""
    about = {
        "RULE_ARN": sender.rule_arn,
        "TARGET_ARN": sender.arn,
        "ERROR_CODE": type(error).__name__,
        "ERROR_MESSAGE": str(error)[:1000] or "no reason given",
    }
    sqs = connect_to(aws_access_key_id=queue.split(":")[4], region_name=queue.split(":")[3]).sqs
    sqs.send_message(
        QueueUrl=queue_url,
        MessageBody=event,
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in about.items()},
    )
