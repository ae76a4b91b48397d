"""EventBridge's targets: a state machine takes any event, what a template makes of one stays JSON, and an event that
the target does not take goes to the target's dead-letter queue.

Stock names an execution after the event's id, which a transformed event does not have. In a template that is JSON it
makes an empty text of 0 and false, loses the escapes of quotes and line breaks, fails with a number within a text, and
quotes a value within a text that has a comma. It drops an event that it cannot deliver, whatever the target's
DeadLetterConfig, and logs nothing.
"""

import json
import logging
import re
import uuid
from typing import Any

from localstack.aws.connect import connect_to
from localstack.utils.patch import patch

LOG = logging.getLogger(__name__)


def install(_provider: Any) -> None:
    """Correct how targets get their events."""
    from localstack.services.events import target as targets
    from localstack.services.events.utils import event_time_to_time_string, to_json_str
    from localstack.utils.aws.arns import sqs_queue_url_for_arn
    from localstack.utils.json import extract_jsonpath

    @patch(targets.get_template_replacements)
    def get_template_replacements(stock: Any, transformer: Any, event: Any) -> dict[str, Any]:
        found = {name: extract_jsonpath(event, path) for name, path in transformer.get("InputPathsMap", {}).items()}
        return stock(transformer, event) | {
            name: value for name, value in found.items() if isinstance(value, int | float)
        }

    @patch(targets.replace_template_placeholders)
    def replace_template_placeholders(stock: Any, template: str, replacements: dict[str, Any]) -> Any:
        if not template.strip().startswith("{"):
            return stock(template, replacements)

        def inserted(placeholder: re.Match[str]) -> str:
            value = replacements.get(placeholder[1], "")
            text = json.dumps(value, default=event_time_to_time_string)
            return text[1:-1] if isinstance(value, str) and is_within_text(template, placeholder) else text

        return json.loads(targets.TRANSFORMER_PLACEHOLDER_PATTERN.sub(inserted, template))

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


def is_within_text(template: str, placeholder: re.Match[str]) -> bool:
    """Whether a placeholder stands within a text of the template, that is, behind an odd number of quotes."""
    return len(re.findall(r'(?<!\\)"', template[: placeholder.start()])) % 2 == 1


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
