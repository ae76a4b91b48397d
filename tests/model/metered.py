"""A run of the model that counts what AWS would bill for it: by the sandbox's metering rules, call by call."""

import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

from greenlet import getcurrent

from handlers.aws import input_object, settings
from handlers.sqs.records import LANES
from sandbox.meter import dynamodb as meter
from sandbox.meter import services
from sandbox.meter.dynamodb import FAILED_CONDITION
from sandbox.meter.item_size import item_bytes
from sandbox.meter.ledger import Unit
from tests.model import dynamodb, queues
from tests.model.dynamodb import ConditionalCheckFailed
from tests.model.lambdas import Lambda, surroundings
from tests.model.queues import Message, SqsClient
from tests.model.run import Run
from tests.model.world import Call, Scale

FUNCTIONS = {
    queues.BATCHER: "BatcherFunction",
    queues.CHUNKS: "ProcessorFunction",
    queues.FINALIZER: "FinalizerFunction",
}
FINALIZERS = 2
"""MaximumConcurrency of the finalizer's event source."""
RECEIVED = 10
"""Most messages of a ReceiveMessage or DeleteMessageBatch."""
BUCKET, KEY, ETAG = "rollcall-input-000000000000-us-east-1", "input/items.jsonl", f'"{"0" * 32}"'
READS = ("GetItem", "Query")

type Row = tuple[str, str, str]


class MeteredRun(Run):
    """`units` are by (price, function, operation). No more invocations run at a time than the event sources allow.

    An event source's invocation is one receive for each ten of its messages, and one delete for each ten that are done.
    An asynchronous invocation is none of either.
    """

    def __init__(self, scale: Scale, processors: int):
        super().__init__(scale)
        self.units: defaultdict[Row, float] = defaultdict(float)
        self.at_once = {queues.BATCHER: LANES, queues.CHUNKS: processors, queues.FINALIZER: FINALIZERS}

    def count(self, role: str, units: Iterable[Unit]) -> None:
        """Add what a function's call is billed."""
        for unit in units:
            self.units[unit.unit, FUNCTIONS[role], unit.operation] += unit.quantity

    def go_round(self) -> None:
        for queue, most in self.at_once.items():
            running = sum(invocation.role == queue for invocation in self.live.values())
            if running < most and (visible := self.world.visible(queue)):
                self.deliver(visible)
        for number in list(self.live):
            self.step(number)

    def deliver(self, messages: list[Message]) -> int:
        role = messages[0].queue
        self.count(role, [Unit("lambda.requests", "invoke", 1)])
        for some in tens(messages[: self.batch_size(role)]) if role != queues.BATCHER else ():
            answer = {"Messages": [{"Body": message.body} for message in some]}
            self.count(role, services.sqs_units("ReceiveMessage", {"QueueUrl": queues.url_of(role)}, answer))
        return super().deliver(messages)

    def _next(self, number: int, invocation: Lambda, deleting: bool = True) -> None:
        if deleting and not invocation.call and invocation.role != queues.BATCHER:
            for _ in tens(invocation.deletes()):
                self.count(invocation.role, [Unit("sqs.requests", "DeleteMessageBatch", 1)])
        super()._next(number, invocation, deleting)

    def _outcome(self, call: Call, number: int, fault: str) -> Any:
        role, records = self.live[number].role, self.world.records
        before = size(written(records, call.asked))
        outcome = super()._outcome(call, number, fault)
        if call.service == "dynamodb" and call.operation in READS:
            self.count(role, read_units(records, call, outcome))
        elif call.service == "dynamodb":
            failed = FAILED_CONDITION if isinstance(outcome, ConditionalCheckFailed) else ""
            sizes = before, size(written(records, call.asked))
            self.count(role, meter.written(call.operation + failed, [sizes]))
        elif call.service == "sqs" and call.operation != "SendMessageBatch":
            self.count(role, services.sqs_units(call.operation, call.asked, {}))
        elif call.service == "events":
            self.count(role, services.events_units(call.operation, call.asked, outcome))
        return outcome

    def request_input(self, batch_id: str) -> None:
        """Ask for a batch of the input object's items, whose ids are those of as many random ones."""
        self.request(batch_id)
        ((key, message),) = self.world.messages.items()
        body = {"batchId": batch_id, "input": {"bucket": BUCKET, "key": KEY}}
        self.world.messages[key] = message._replace(body=json.dumps(body))

    @contextmanager
    def input_in_s3(self, content: bytes) -> Iterator[None]:
        """Have S3 hold the object, and count its reads."""

        def get_object(Range: str = "bytes=0-", **_: Any) -> dict:
            self.count(getcurrent().invocation.role, services.s3_units("GetObject", "GET"))
            start = int(Range.removeprefix("bytes=").removesuffix("-"))
            return {"Body": io.BytesIO(content[start:]), "ContentLength": len(content), "ETag": ETAG}

        place = {"INPUT_BUCKET": BUCKET, "INPUT_PREFIX": "input/"}
        client = SimpleNamespace(get_object=get_object)
        with (
            mock.patch.dict(settings.VARIABLES, place),
            mock.patch.object(input_object, "input_s3", return_value=client),
        ):
            yield

    @contextmanager
    def whole_sends(self) -> Iterator[None]:
        """Count each SendMessageBatch, which the model sends message by message, as the one call that it is."""
        send_message_batch = SqsClient.send_message_batch

        def counted(client: SqsClient, **asked: Any) -> dict:
            self.count(getcurrent().invocation.role, services.sqs_units("SendMessageBatch", asked, {}))
            return send_message_batch(client, **asked)

        with mock.patch.object(SqsClient, "send_message_batch", counted):
            yield


def read_units(records: dynamodb.Records, call: Call, answer: Mapping[str, Any]) -> list[Unit]:
    """What a read of the table is billed: of a query all that was looked at, also where only its number is returned."""
    consistent = bool(call.asked.get("ConsistentRead"))
    if call.operation == "GetItem":
        return meter.read(call.operation, [size(answer.get("Item"))], consistent)
    whole = {name: value for name, value in call.asked.items() if name != "Select"}
    items = dynamodb.execute(records, call.operation, whole)["Items"]
    return meter.scanned(call.operation, map(size, items), consistent)


def written(records: dynamodb.Records, asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The record, as it is now, that a call writes; None for a call that writes none."""
    if "RequestItems" in asked:
        ((request,),) = asked["RequestItems"].values()
        (asked,) = request.values()
    record = asked.get("Item") or asked.get("Key")
    return records.get(dynamodb.key_of(record)) if record else None


def size(record: Mapping[str, Any] | None) -> int:
    return item_bytes(record) if record else 0


def tens[T](some: list[T]) -> Iterator[list[T]]:
    """Ten at a time."""
    for start in range(0, len(some), RECEIVED):
        yield some[start : start + RECEIVED]


def item_lines(items: int, item_bytes: int) -> bytes:
    """JSON Lines of items that are so long."""
    frame = '{{"id":"{0:09d}","text":"{1}"}}'
    text = "x" * (item_bytes - len(frame.format(0, "")))
    return "".join(frame.format(index, text) + "\n" for index in range(items)).encode()


def metered(scale: Scale, batch_id: str, processors: int, lines: bytes = b"") -> dict[Row, float]:
    """The units of a batch in which nothing goes wrong but the items that fail; of random items, or of JSON Lines."""
    with surroundings(scale):
        run = MeteredRun(scale, processors)
        with run.whole_sends(), run.input_in_s3(lines):
            if lines:
                run.request_input(batch_id)
            else:
                run.request(batch_id)
            run.settle()
        return dict(run.units)
