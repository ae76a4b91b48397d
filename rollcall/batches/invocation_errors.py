"""Errors of invocations, read from the functions' logs: an init or import that fails, a crash, a timeout, a mistake.

Nothing else tells them: the queue or the state machine tries again, and the batch only makes no progress.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from handlers.core.error_kinds import first_line, kind_of
from rollcall.target.connection import Connection
from rollcall.target.outputs import functions

# The engine of the sandbox knows no such pattern and sends all events. What they are is decided here in any case.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
PATTERN = '?"ERROR" ?"Task timed out" ?"Runtime exited" ?"Status: error"'
# With them, the lines of failed items, which have their whole tracebacks.
PATTERN_WITH_ITEMS = f'{PATTERN} ?"item failed"'
# So many pages of a log at a look; the next look goes on from there.
PAGES = 5
# A line may arrive so much later than a newer one of another environment.
LATE_MS = 10_000
TIMED_OUT = re.compile(r"\S+ \S+ (Task timed out after [\d.]+ seconds)")
EXITED = re.compile(r"RequestId: (\S+) Error: Runtime exited (?:with error: )?([^\r\n]*)")
# The runtime's own line. A logger of the user's code writes a tab behind [ERROR].
RAISED = re.compile(r"\[ERROR\] (\S[^\r\n]*)")
REPORT = re.compile(r"REPORT RequestId: (\S+)\t.*Memory Size: (\d+) MB\tMax Memory Used: (\d+) MB.*Status: error")
OURS = re.compile(r'\{.*("level": ?"(ERROR|CRITICAL)"|"message": ?"item failed")')
# Lines about one item, which has failed as an item may.
OF_AN_ITEM = {"item", "item_id", "itemId"}


@dataclass(frozen=True)
class InvocationError:
    """So many errors of one kind. `role` is the function's, such as `sqs.processor`; `latest` is in ms since 1970."""

    role: str
    cause: str
    count: int
    latest: int

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count:,} times"
        return f"{self.role.partition('.')[2]} failed {times}: {self.cause}"

    def to_json(self) -> dict[str, Any]:
        """The error as `--json` prints it."""
        latest = datetime.fromtimestamp(self.latest / 1000, UTC).isoformat(timespec="milliseconds")
        return {"role": self.role, "cause": self.cause, "count": self.count, "latest": latest.replace("+00:00", "Z")}


@dataclass
class Position:
    """How far a log has been read: a page's token, or the time from which to read, in ms since 1970."""

    from_ms: int
    token: str | None = None
    seen: set[str] = field(default_factory=set)


class ErrorLog:
    """The errors of the invocations of one architecture's functions, whichever batch they served."""

    def __init__(self, connection: Connection, architecture: str) -> None:
        self._client = connection.client("logs")
        self._functions = functions(architecture, connection.stack(architecture).outputs)
        self._read: dict[str, Position] = {}
        self._found: dict[tuple[str, str], InvocationError] = {}

    def look(self, batch_id: str, since_ms: int) -> tuple[InvocationError, ...]:
        """The errors since that time, most frequent first. Each call reads on where the one before has ended.

        Lines that name another batch are left out. A crash or a timeout names no batch.
        """
        for role, name in self._functions.items():
            position = self._read.setdefault(role, Position(since_ms))
            for at, cause in causes(self._new(f"/aws/lambda/{name}", position), batch_id):
                self._count(role, cause, at)
        return tuple(sorted(self._found.values(), key=lambda error: -error.count))

    def _count(self, role: str, cause: str, at: int) -> None:
        key = role, kind_of(cause)
        known = self._found.get(key)
        self._found[key] = InvocationError(role, cause, (known.count if known else 0) + 1, at)

    def _new(self, group: str, position: Position) -> Iterator[dict[str, Any]]:
        """The events of a log that were not read before. A function that never ran may have no log."""
        for _ in range(PAGES):
            place: dict[str, Any] = {"nextToken": position.token} if position.token else {}
            try:
                page = self._client.filter_log_events(
                    logGroupName=group, startTime=position.from_ms, filterPattern=PATTERN, **place
                )
            except self._client.exceptions.ResourceNotFoundException:
                return
            for event in page["events"]:
                if event["eventId"] not in position.seen:
                    position.seen.add(event["eventId"])
                    yield event
            position.token = page.get("nextToken")
            if not position.token:
                newest = max((event["timestamp"] for event in page["events"]), default=0)
                position.from_ms = max(position.from_ms, newest - LATE_MS)
                return


def causes(events: Iterable[dict[str, Any]], batch_id: str) -> Iterator[tuple[int, str]]:
    """Yield time and cause of each error. A process that ended with its memory full ended because of that."""
    exits: dict[str, tuple[int, str]] = {}
    for event in events:
        message = event["message"]
        if exited := EXITED.match(message):
            exits[exited[1]] = event["timestamp"], f"Runtime.ExitError: {exited[2]}"
        elif report := REPORT.match(message):
            request, size, used = report.groups()
            if request in exits and int(used) >= int(size):
                exits[request] = exits[request][0], f"out of memory: it used its {size} MB, and was ended"
        elif cause := cause_in(message, batch_id):
            yield event["timestamp"], cause
    yield from exits.values()


def cause_in(message: str, batch_id: str | None = None) -> str | None:
    """What the message of a log says went wrong with an invocation, of that batch if it names one; else None."""
    if timed_out := TIMED_OUT.match(message):
        return timed_out[1]
    if raised := RAISED.match(message):
        return raised[1] if "Traceback" in message or raised[1].startswith("Runtime.") else None
    return logged_error(message, batch_id) if message.startswith("{") else None


def is_error(message: str) -> bool:
    """Whether a message of a log tells of an error: of an invocation, of our handlers or of an item."""
    return bool(EXITED.match(message) or cause_in(message) or OURS.match(message))


def logged_error(message: str, batch_id: str | None) -> str | None:
    """The message and the exception of an ERROR line of our handlers; None of other lines, and of other batches."""
    try:
        fields = json.loads(message)
    except ValueError:
        return None
    if fields.get("level") not in ("ERROR", "CRITICAL") or fields.keys() & OF_AN_ITEM:
        return None
    if batch_id and fields.get("batch_id", batch_id) != batch_id:
        return None
    # The last line of a traceback is the error, and the first one of a reason.
    message, exception, reason = (str(fields.get(name) or "") for name in ("message", "exception", "reason"))
    error = exception.strip().rpartition("\n")[2] or first_line(reason)
    return ": ".join(filter(None, (first_line(message), error)))
