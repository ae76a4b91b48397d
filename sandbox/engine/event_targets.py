"""EventBridge's targets: a state machine takes any event, transformed values keep their line breaks and stay numbers,
and an event that the target does not take goes to the target's dead-letter queue.

Stock names an execution after the event's id, which a transformed event does not have. It transforms 0 and false into
an empty text, fails with a number within a text, and quotes a value within a text that has a comma. It drops an event
that it cannot deliver, whatever the target's DeadLetterConfig, and logs nothing.
"""

import json
import logging
import re
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
    from localstack.utils.json import extract_jsonpath

    # Stock turns a template's `\n` into a line break before it parses the template as JSON.
    lenient = {"loads": partial(json.loads, strict=False), "dumps": json.dumps, "JSONDecodeError": json.JSONDecodeError}
    targets.json = SimpleNamespace(**lenient)  # type: ignore[attr-defined,assignment]

    targets.is_nested_in_string = is_within_text  # type: ignore[attr-defined]

    @patch(targets.get_template_replacements)
    def get_template_replacements(stock: Any, transformer: Any, event: Any) -> dict[str, Any]:
        found = {name: extract_jsonpath(event, path) for name, path in transformer.get("InputPathsMap", {}).items()}
        return {
            name: found[name] if is_number(found.get(name)) else value
            for name, value in stock(transformer, event).items()
        }

    @patch(targets.replace_template_placeholders)
    def replace_template_placeholders(stock: Any, template: str, replacements: dict[str, Any]) -> Any:
        def inserted(placeholder: Any) -> str:
            value = replacements.get(placeholder[1])
            return json.dumps(value) if is_number(value) else str(placeholder[0])

        return stock(targets.TRANSFORMER_PLACEHOLDER_PATTERN.sub(inserted, template), replacements)

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


def is_within_text(template: str, match: re.Match[str]) -> bool:
    """Whether a placeholder stands within a text of the template, that is, behind an odd number of quotes."""
    return len(re.findall(r'(?<!\\)"', template[: match.start()])) % 2 == 1


def is_number(value: Any) -> bool:
    """Whether a value of an event is a number, true or false."""
    return isinstance(value, int | float)


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
