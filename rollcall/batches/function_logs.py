"""The log lines of the functions, in order of time, and those that are new since the last look."""

from collections.abc import Mapping
from typing import Any

from bootstrap.problem import Problem
from rollcall.batches.batch_logs import of_batch
from rollcall.batches.invocation_errors import PATTERN_WITH_ITEMS, is_error
from rollcall.target.connection import Connection
from rollcall.target.outputs import functions

# A line may arrive this much later than a newer line of another environment.
LATE_MS = 10_000

type Event = tuple[dict[str, Any], str]
"""One of CloudWatch's log events, and the role of its function."""


class NewLines:
    """The events of the chosen functions since `from_ms`: each look tells those that no look has told before."""

    def __init__(
        self,
        connection: Connection,
        chosen: Mapping[str, str],
        from_ms: int,
        errors: bool = False,
        batch: str | None = None,
    ):
        self._connection, self._chosen = connection, chosen
        self._from_ms = self._newest = from_ms
        self._errors, self._batch = errors, batch
        self._told: dict[str, int] = {}

    def look(self) -> list[Event]:
        """The new events, in order of time."""
        events = logged(self._connection, self._chosen, self._from_ms, self._errors, self._batch)
        new = [(event, role) for event, role in events if event["eventId"] not in self._told]
        self._told |= {event["eventId"]: event["timestamp"] for event, _ in new}
        if new:
            # By the lines of the look before: when a sandbox's clock jumps, a line from before the jump may come last.
            self._from_ms, self._newest = max(self._from_ms, self._newest - LATE_MS), new[-1][0]["timestamp"]
            self._told = {event: at for event, at in self._told.items() if at >= self._from_ms}
        return new


def known_functions(connection: Connection) -> dict[str, str]:
    """The functions of all stacks, by role. Raises Problem without a stack."""
    known: dict[str, str] = {}
    for architecture, stack in connection.stacks.items():
        known |= functions(architecture, stack.outputs)
    if not known:
        connection.stack("sqs")
    return known


def logged(
    connection: Connection, chosen: Mapping[str, str], from_ms: int, errors: bool, batch: str | None = None
) -> list[Event]:
    """The log events of the chosen functions since `from_ms`, each with the function's role, in order of time."""
    client = connection.client("logs")
    events = []
    for role, name in chosen.items():
        # Which invocation a line belongs to, the lines around it tell.
        own = read(client, f"/aws/lambda/{name}", from_ms, errors and not batch)
        if batch:
            own = [event for event in of_batch(own, batch) if not errors or is_error(event["message"])]
        events += [(event, role) for event in own]
    return sorted(events, key=lambda entry: entry[0]["timestamp"])


def choose(source: str | None, known: Mapping[str, str]) -> dict[str, str]:
    """The functions of an architecture, of a role, or of a function's name. Raises Problem if there is none."""
    chosen = {
        role: name
        for role, name in known.items()
        if source is None or source in (role, name) or role.startswith(f"{source}.")
    }
    if not chosen:
        raise Problem(f"there is no function {source!r}", f"choose from: engine, sqs, sfn, {', '.join(known)}")
    return chosen


def read(client: Any, group: str, from_ms: int, errors: bool = False) -> list[dict[str, Any]]:
    """The events of a log group since `from_ms`, or only errors. A function that never ran may have no group."""
    events: list[dict[str, Any]] = []
    pattern = {"filterPattern": PATTERN_WITH_ITEMS} if errors else {}
    try:
        for page in client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=from_ms, **pattern
        ):
            events += [event for event in page["events"] if not errors or is_error(event["message"])]
    except client.exceptions.ResourceNotFoundException:
        return []
    return events
