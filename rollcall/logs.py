"""`rollcall logs`: the functions' logs merged by time, or the engine's own."""

import json
import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.text import Text

from rollcall.connection import Connection, connect, find_sandbox
from rollcall.engine_log import print_engine_log
from rollcall.errors import Problem
from rollcall.stacks import functions
from rollcall.target import Target
from rollcall.terminal import stderr, stdout

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_green", "bright_magenta")
LEVEL_STYLES = {"WARNING": "yellow", "ERROR": "bold red", "CRITICAL": "bold red"}
# What Powertools puts into every line and a person does not need in each of them.
ROUTINE_FIELDS = {
    "level", "location", "message", "timestamp", "service", "cold_start", "function_name", "function_arn",
    "function_memory_size", "function_request_id", "xray_trace_id", "exception", "exception_name", "stack_trace",
}  # fmt: skip
LAMBDAS_OWN = re.compile(r"(INIT_START|START|END|REPORT) ")
FOLLOW_SECONDS = 1.0
# How much later than a newer line of another environment a line may turn up.
LATE_MS = 10_000


def logs(target: Target, source: str | None, follow: bool, since: str) -> None:
    """Print what was logged since then; with `follow`, go on until Ctrl-C."""
    from_ms = round((time.time() - parse_age(since)) * 1000)
    if source == "engine":
        if target.aws:
            raise Problem("logs engine: there is no engine on AWS", "name a function, such as sqs.processor")
        print_engine_log(find_sandbox(target), follow)
        return
    connection = connect(target)
    known: dict[str, str] = {}
    for architecture, stack in connection.stacks.items():
        known |= functions(architecture, stack.outputs)
    if not known:
        connection.stack("sqs")
    chosen = choose(source, known)
    colours = {role: COLOURS[index % len(COLOURS)] for index, role in enumerate(known)}
    seen: set[str] = set()
    while True:
        new = [(event, role) for event, role in logged(connection, chosen, from_ms) if event["eventId"] not in seen]
        for event, role in new:
            seen.add(event["eventId"])
            stdout.print(line(event["timestamp"], role, event["message"], colours[role]), soft_wrap=True)
        if not follow:
            break
        if new:
            from_ms = max(from_ms, new[-1][0]["timestamp"] - LATE_MS)
        time.sleep(FOLLOW_SECONDS)
    if not seen:
        stderr.print(f"nothing was logged in the last {since}", soft_wrap=True)


def logged(connection: Connection, chosen: Mapping[str, str], from_ms: int) -> list[tuple[dict[str, Any], str]]:
    """What the chosen functions logged since then, each event with its role, by time."""
    client = connection.client("logs")
    events = [(event, role) for role, name in chosen.items() for event in read(client, f"/aws/lambda/{name}", from_ms)]
    return sorted(events, key=lambda entry: entry[0]["timestamp"])


def choose(source: str | None, known: Mapping[str, str]) -> dict[str, str]:
    """The functions that `source` names: an architecture, a role or a function's full name. Raises Problem."""
    chosen = {
        role: name
        for role, name in known.items()
        if source is None or source in (role, name) or role.startswith(f"{source}.")
    }
    if not chosen:
        raise Problem(f"there is no function {source!r}", f"choose from: engine, sqs, sfn, {', '.join(known)}")
    return chosen


def parse_age(text: str) -> float:
    """Seconds of an age such as `30s`, `10m`, `2h` or `1d`. Raises Problem."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if not match:
        raise Problem(f"--since {text}: expected a number and a unit, such as 30s, 10m, 2h or 1d")
    return int(match[1]) * UNITS[match[2]]


def read(client: Any, group: str, from_ms: int) -> list[dict[str, Any]]:
    """The group's events since then; a function that never ran may have no group yet."""
    events: list[dict[str, Any]] = []
    try:
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=from_ms):
            events += page["events"]
    except client.exceptions.ResourceNotFoundException:
        return []
    return events


def line(timestamp: int, role: str, message: str, colour: str) -> Text:
    """One log line for people."""
    moment = datetime.fromtimestamp(timestamp / 1000)
    text, style = readable(message.rstrip())
    return Text.assemble((f"{moment:%H:%M:%S}.{timestamp % 1000:03} ", "dim"), (f"{role:<20} ", colour), (text, style))


def readable(message: str) -> tuple[str, str]:
    """A message's text and style: Powertools' JSON as level, message and extra fields; Lambda's own lines dimmed."""
    if not message.startswith("{"):
        return message.replace("\t", "  "), "dim" if LAMBDAS_OWN.match(message) else ""
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
    if "exception" in fields:
        text += f"\n{fields['exception']}"
    return text, LEVEL_STYLES.get(level, "")


def plain(value: Any) -> str:
    """A value of a log line: text as it is, numbers in lists of one without the list, anything else as JSON."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)
