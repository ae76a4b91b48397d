"""What stands where in a stack: its queues, its functions, its executions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from rollcall.console.watch import Watch
from rollcall.target.engine_client import ask
from rollcall.target.meter_client import fetch_meter

DEPTHS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
MESSAGES_PATH = "/_aws/sqs/messages"
# The engine lists all messages of a queue at once: of a long queue the age is not asked for.
LONGEST_LISTED = 500
RUNNING = "invocation of "


@dataclass(frozen=True)
class Queue:
    """A queue's messages; `oldest` is the age of its oldest one in seconds, None if unknown."""

    waiting: int
    in_flight: int
    delayed: int
    oldest: float | None = None

    @property
    def all(self) -> int:
        """All messages."""
        return self.waiting + self.in_flight + self.delayed


@dataclass(frozen=True)
class Function:
    """A function: how many invocations run now, None if unknown, and what the meter has counted since it began."""

    running: int | None
    invocations: int | None = None
    cold_starts: int | None = None


@dataclass(frozen=True)
class Flow:
    """A stack at one moment, its resources by the names of their outputs: `Chunk`, `Processor`.

    `arrival` is that of the last Batch Finished event: when it arrived, and the seconds since the batch's last item;
    None if none has since the console began.
    """

    architecture: str
    queues: Mapping[str, Queue] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    executions: int | None = None
    arrival: tuple[int, float | None] | None = None


def see_flow(watch: Watch, architecture: str) -> Flow:
    """Look at a stack. Raises Problem if it is not deployed."""
    outputs = watch.connection.stack(architecture).outputs
    queues = {
        name.removesuffix("QueueUrl"): see_queue(watch, url)
        for name, url in outputs.items()
        if name.endswith("QueueUrl")
    }
    names = {
        name.removesuffix("FunctionName"): function
        for name, function in outputs.items()
        if name.endswith("FunctionName")
    }
    machine = outputs.get("StateMachineArn")
    executions = (
        len(
            watch.connection.client("stepfunctions").list_executions(
                stateMachineArn=machine, statusFilter="RUNNING", maxResults=100
            )["executions"]
        )
        if machine
        else None
    )
    arrival = watch.history.last_arrival(architecture)
    return Flow(architecture, queues, see_functions(watch, architecture, names), executions, arrival)


def see_queue(watch: Watch, url: str) -> Queue:
    """A queue's depths and, in a sandbox, its oldest message's age."""
    client = watch.connection.client("sqs")
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(DEPTHS))["Attributes"]
    waiting, in_flight, delayed = (int(found[name]) for name in DEPTHS)
    oldest = oldest_message(watch, url) if 0 < waiting + in_flight <= LONGEST_LISTED else None
    return Queue(waiting, in_flight, delayed, oldest)


def oldest_message(watch: Watch, url: str) -> float | None:
    """The age of a queue's oldest message in seconds; None if nothing tells it."""
    endpoint = watch.connection.endpoint
    if not endpoint:
        return None
    query = urlencode({"QueueUrl": url, "ShowInvisible": "true"})
    status, body = ask(endpoint, "GET", f"{MESSAGES_PATH}?{query}")
    if status != 200:
        return None
    result = json.loads(body)["ReceiveMessageResponse"]["ReceiveMessageResult"] or {}
    messages = result.get("Message") or []
    listed = messages if isinstance(messages, list) else [messages]
    sent = [
        int(entry["Value"]) for message in listed for entry in attributes(message) if entry["Name"] == "SentTimestamp"
    ]
    return max(0.0, (watch.now_ms() - min(sent)) / 1000) if sent else None


def attributes(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A message's attributes, of which one alone is no list."""
    found = message.get("Attribute") or []
    return found if isinstance(found, list) else [found]


def see_functions(watch: Watch, architecture: str, names: Mapping[str, str]) -> dict[str, Function]:
    """The functions by their role. What runs, the sandbox's clock knows; its meter counts the rest."""
    clock, endpoint = watch.clock(), watch.connection.endpoint
    if not clock or not endpoint:
        return {role: Function(None) for role in names}
    stack = watch.connection.stack(architecture).name
    look = watch.every("meter", lambda: fetch_meter(endpoint), 5.0)
    rows = [row for row in (look.value or {"rows": []})["rows"] if row["stack"] == stack]

    def counted(role: str, unit: str) -> int:
        wanted = f"{role}Function", unit
        return int(sum(row["quantity"] for row in rows if (row["function"], row["unit"]) == wanted))

    return {
        role: Function(
            clock["running"].get(RUNNING + name, 0),
            counted(role, "lambda.requests"),
            counted(role, "lambda.cold_starts"),
        )
        for role, name in names.items()
    }
