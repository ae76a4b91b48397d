"""Formats the log lines of Lambda functions for people."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from bootstrap.printable import printable

COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_green", "bright_magenta")
LEVEL_STYLES = {"WARNING": "yellow", "ERROR": "bold red", "CRITICAL": "bold red"}
# Powertools adds these fields to every line. They are not shown.
ROUTINE_FIELDS = {
    "level", "location", "message", "timestamp", "service", "cold_start", "function_name", "function_arn",
    "function_memory_size", "function_request_id", "xray_trace_id", "exception", "exception_name", "stack_trace",
    "traceback",
}  # fmt: skip
PLATFORM_LINE = re.compile(r"(INIT_START|START|END|REPORT) ")


def colours_of(roles: Iterable[str]) -> dict[str, str]:
    """A colour for each role."""
    return {role: COLOURS[index % len(COLOURS)] for index, role in enumerate(roles)}


def is_routine(message: str) -> bool:
    """Whether Lambda or Rollcall writes the message for every invocation: it tells nothing of your code."""
    return PLATFORM_LINE.match(message) is not None or message.startswith('{"_aws"')


def line(timestamp: int, role: str, message: str, colour: str) -> Text:
    """One log line with its local time and the function's role. `timestamp` is in milliseconds since 1970."""
    moment = datetime.fromtimestamp(timestamp / 1000, UTC).astimezone()
    text, style = readable(message.rstrip())
    text = printable(text)
    return Text.assemble((f"{moment:%H:%M:%S}.{timestamp % 1000:03} ", "dim"), (f"{role:<20} ", colour), (text, style))


def readable(message: str) -> tuple[str, str]:
    """The text and the style of a message: Powertools' JSON as level, message and other fields, Lambda's lines dim."""
    if not message.startswith("{"):
        return message.replace("\t", "  "), "dim" if PLATFORM_LINE.match(message) else ""
    try:
        fields = json.loads(message)
    except ValueError:
        return message, ""
    if "_aws" in fields:
        names = [metric["Name"] for group in fields["_aws"]["CloudWatchMetrics"] for metric in group["Metrics"]]
        values = (f"{name}={plain(fields.get(name))}" for name in names)
        return f"metrics  {' '.join(values)}", "dim"
    level = fields.get("level", "")
    extra = " ".join(f"{name}={plain(value)}" for name, value in fields.items() if name not in ROUTINE_FIELDS)
    text = "  ".join(part for part in (level, plain(fields.get("message", "")), extra) if part)
    for name in ("exception", "traceback"):
        if name in fields:
            text += f"\n{fields[name]}".rstrip()
    return text, LEVEL_STYLES.get(level, "")


def plain(value: Any) -> str:
    """A value of a log line: a string unchanged, a list of one value as that value, anything else as JSON."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)
