"""Status-change events carry their times as AWS sends them: milliseconds since 1970, where LocalStack sends text.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

import datetime
from typing import Any

from localstack.services.stepfunctions.backend import execution

_stock_to_json_str = execution.to_json_str


def install() -> None:
    """Mend the detail of the events that executions publish."""
    execution.to_json_str = _to_json_str  # type: ignore[assignment]


def _to_json_str(value: Any, separators: tuple[str, str] | None = None) -> str:
    if isinstance(value, dict) and isinstance(value.get("startDate"), datetime.datetime):
        value = {**value, "input": value["input"] or "{}"}
        for key in ("startDate", "stopDate"):
            if value[key] is not None:
                value[key] = int(value[key].timestamp() * 1000)
    return _stock_to_json_str(value, separators)
