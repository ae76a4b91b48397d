"""The real handlers, run a step at a time: each invocation in a greenlet that stops before every call it makes.

Nothing of a handler is replaced but what surrounds it: boto3's clients, the time, the environment, and the work.
"""

import json
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import boto3
from botocore.exceptions import ClientError
from greenlet import GreenletExit, getcurrent, greenlet

from handlers import Permanent
from handlers.aws import backoff, settings, sqs, telemetry
from handlers.aws.events import PublishFailed
from handlers.aws.sqs import QueueUnavailable
from handlers.core import clock, run_items
from handlers.core.clock import Clock
from handlers.core.outcome import error_text
from handlers.core.run_items import STOP_MS, Results, without_rejections
from handlers.core.user_modules import WorkCannotStart
from handlers.sqs import batcher, finalizer, mistakes, processor, start
from handlers.sqs.table import TableUnavailable
from tests.model import queues
from tests.model.dynamodb import DynamoDBClient
from tests.model.queues import Message, SqsClient
from tests.model.world import Call, Scale

HANDLERS: dict[str, ModuleType] = {
    queues.BATCHER: batcher,
    queues.CHUNKS: processor,
    queues.FINALIZER: finalizer,
}


class Mistake(AssertionError):
    """A mistake in a handler's code, made on purpose."""


# What a handler may fail of: what a service or the work did, or such a mistake.
EXPECTED = (ClientError, TableUnavailable, QueueUnavailable, PublishFailed, WorkCannotStart, Mistake)


class ItemFails(Exception):
    """What the work raises for an item that is to fail."""


class Lambda:
    """One invocation: `call` is what it waits for, None once it is over; then `answer` is what it returned.

    An invocation that raised has the answer None: all its messages come back. The batcher's message is its event.
    `chain`: how often the batcher has been invoked in the chain of calls that led to this invocation.
    """

    def __init__(self, messages: list[Message], now: int, timeout: int):
        self.role = messages[0].queue
        self.messages = messages
        self.chain = max(message.chain for message in messages) + (self.role == queues.BATCHER)
        self.aws_request_id = messages[0].message_id
        self.deadline = now + timeout * 1000
        self.now = now
        self.call: Call | None = None
        self.answer: dict | None = None
        # An error of the handler itself, as opposed to one that a service gave it.
        self.bug: Exception | None = None
        self._greenlet = greenlet(self._run)
        self._switch(None, now)

    def go_on(self, outcome: Any, now: int) -> None:
        """Give the invocation the outcome of its call, a value or an exception, and run it to its next one."""
        self._switch(outcome, now)

    def kill(self) -> None:
        """The process dies where it is."""
        self.call = None
        # Whatever an item ends of is that item's failure alone; this is the end of all.
        while not self._greenlet.dead:
            self._greenlet.throw(GreenletExit)

    def _switch(self, outcome: Any, now: int) -> None:
        self.now = now
        said = self._greenlet.switch(outcome)
        if self.bug:
            raise self.bug
        self.call = said if isinstance(said, Call) else None

    def _run(self, _: None) -> None:
        getcurrent().invocation = self
        event = {"Records": [message.as_record() for message in self.messages]}
        try:
            if self.role == queues.BATCHER:
                batcher.handler(json.loads(self.messages[0].body), self)
                self.answer = {"batchItemFailures": []}
            else:
                self.answer = HANDLERS[self.role].handler(event, self)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, Lambda lets its messages come back
            self.failed(error)
            self.answer = None

    def failed(self, error: BaseException | None) -> None:
        """A record, or the whole invocation, failed of `error`."""
        if isinstance(error, Exception) and not isinstance(error, EXPECTED):
            self.bug = error

    # Lambda's context

    function_name = invoked_function_arn = "model"
    memory_limit_in_mb = 256

    def get_remaining_time_in_millis(self) -> int:
        return self.deadline - self.now

    def deletes(self) -> list[Call]:
        """What Lambda's event source does after the invocation: it deletes the messages that are not reported back."""
        if self.answer is None:
            return []
        back = {failure["itemIdentifier"] for failure in self.answer["batchItemFailures"]}
        done = [message for message in self.messages if message.message_id not in back]
        return [Call("source", "DeleteMessage", {"message": (m.queue, m.message_id)}) for m in done]


def ask(service: str, operation: str, asked: dict) -> Any:
    """Stop here until the scheduler lets the call take effect; returns or raises what came of it."""
    outcome = getcurrent().parent.switch(Call(service, operation, asked))
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def process(item: dict) -> None:
    """The work."""
    if item.get("fail"):
        raise ItemFails("this item always fails")
    ask("work", "Process", {"item": item["id"]})


class Hangs(BaseException):
    """What stands for an item that hangs, or ends the process that works on it."""


class WorkOfTheModel:
    """The worker, as the protocol sees it: where an item hangs, it and the next one are suspects and left."""

    def ready(self, clock: Clock) -> bool:
        return True

    def run(
        self, items: Mapping[int, dict], _: int, clock: Clock, *, alone: Collection[int] = (), **__: Any
    ) -> Results:
        results = Results()
        items = without_rejections(items, results)
        together = [index for index in sorted(items) if index not in alone]
        for index in [*together, *(index for index in sorted(alone) if index in items)]:
            if index in results.left or not clock.has(STOP_MS):
                results.left += [index] * (index not in results.left)
                continue
            try:
                process(items[index])
                results.done.append(index)
            except Hangs as hangs:
                if index in alone or len(items) == 1:
                    results.failed[index] = str(hangs)
                    continue
                suspects = [one for one in together if one >= index][:2]
                results.left += suspects
                results.suspects |= set(suspects)
            except (ItemFails, Permanent) as error:
                results.failed[index] = error_text(error)
                results.permanent |= {index} if isinstance(error, Permanent) else set()
        return results


def client(service: str, **_: Any) -> Any:
    """In place of boto3.client."""
    if service == "dynamodb":
        return DynamoDBClient(lambda operation, asked: ask("dynamodb", operation, asked))
    if service == "sqs":
        return SqsClient(lambda operation, asked: ask("sqs", operation, asked | chain()))
    if service == "lambda":
        return SimpleNamespace(invoke=lambda **asked: ask("lambda", "Invoke", asked | chain()))
    if service == "events":
        return SimpleNamespace(put_events=lambda **asked: ask("events", "PutEvents", asked))
    return SimpleNamespace()


def chain() -> dict[str, int]:
    """What Lambda's runtime adds to the calls of a function: the chain of calls that led to it."""
    return {"chain": getcurrent().invocation.chain}


# Time is the world's. Waiting is not modelled: whatever may happen meanwhile may happen at the next call as well.
TIME = SimpleNamespace(
    time_ns=lambda: getcurrent().invocation.now * 1_000_000,
    monotonic_ns=lambda: getcurrent().invocation.now * 1_000_000,
    sleep=lambda seconds: None,
)


class OneThread:
    """In place of the finalizer's threads, of which each has a shard or a segment of its own: one after the other."""

    def __init__(self, _: int):
        self.map = map


@contextmanager
def surroundings(scale: Scale) -> Iterator[None]:
    """The handlers in the model's world, until the block ends."""
    environment = {
        "TABLE_NAME": "table",
        "EVENT_BUS_NAME": "bus",
        "RESULTS_BUCKET": "",
        "OVERLAP": scale.overlap,
        "AWS_LAMBDA_FUNCTION_NAME": queues.BATCHER,
        "BATCHER_FUNCTION_NAME": queues.BATCHER,
        "CHUNK_QUEUE_URL": queues.url_of(queues.CHUNKS),
        "FINALIZER_QUEUE_URL": queues.url_of(queues.FINALIZER),
        "ITEMS": str(scale.items),
        "ITEMS_PER_CHUNK": str(scale.items_per_chunk),
        "MAX_VALUE": "0",
        "FAIL_RATE": str(scale.fail_rate),
        # Threads cannot stop in a greenlet: items of a chunk are worked on one after the other.
        "ITEM_CONCURRENCY": "1",
        "MAX_ATTEMPTS": str(scale.max_attempts),
        "TOLERATED_FAILURE_PERCENTAGE": str(scale.tolerated_failures),
        "DEADLINE_SECONDS": str(scale.deadline),
        "CHECK_INTERVAL_SECONDS": str(scale.check_interval),
        "STALL_AFTER_SECONDS": str(scale.stall_after),
        "RETRY_DELAY_SECONDS": str(scale.retry_delay),
        "CHUNKS_PER_SEGMENT": str(scale.chunks_per_segment),
        "MAX_ITEMS": str(scale.max_items),
        "TIMEOUT": "60",
    }
    with ExitStack() as stack:
        stack.callback(forget_connections)
        stack.enter_context(mock.patch.dict(settings.VARIABLES, environment))
        stack.enter_context(mock.patch.object(boto3, "client", client))
        stack.enter_context(mock.patch.object(processor, "WORKER", WorkOfTheModel()))
        stack.enter_context(mock.patch.object(batcher, "WINDOW_CHUNKS", scale.chunks_per_window))
        stack.enter_context(mock.patch.object(start, "shards_for", return_value=scale.shards))
        for module in (backoff, clock, run_items):
            stack.enter_context(mock.patch.object(module, "time", TIME))
        stack.enter_context(mock.patch.object(finalizer, "ThreadPoolExecutor", OneThread))
        stack.enter_context(mock.patch.object(telemetry.output, "write", nothing))
        for module in (sqs, mistakes, processor, finalizer, batcher):
            stack.enter_context(mock.patch.object(module, "logger", FailureLog))
        forget_connections()
        yield


def nothing(*_: Any, **__: Any) -> None:
    """In place of what the model leaves out."""


class FailureLog:
    """In place of the log: a mistake that was not made on purpose must not pass for a service's error."""

    info = warning = error = staticmethod(nothing)

    @staticmethod
    def exception(*_: Any, **__: Any) -> None:
        getcurrent().invocation.failed(sys.exc_info()[1])


def forget_connections() -> None:
    """Every handler's connections are made once an environment."""
    for module in HANDLERS.values():
        module.connections.cache_clear()
