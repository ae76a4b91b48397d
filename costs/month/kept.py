"""What a batch leaves in the table, the bucket and the logs, and for how many days it is kept there."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import yaml

from bootstrap.parameters import TemplateLoader
from bootstrap.stacks import template
from costs.facts.figures import Assumptions
from costs.idle import resources
from costs.plan import sizes
from costs.plan.plan import Plan
from costs.plan.retries import PlannedBatch
from costs.plan.settings import parameters_of
from costs.plan.shape import SfnShape, SqsShape, sfn_shape, sqs_shape
from costs.plan.sqs_units import ERROR, FINISHED, open_record
from handlers.sqs.table.base import KEEP_SECONDS
from sandbox.meter.item_size import STORAGE_OVERHEAD_BYTES
from sandbox.meter.item_size import item_bytes as record_bytes

DAY = 86_400
CHILD_STARTED = "children"
"""The operation of the transitions that start the children of a Map Run."""
SMALL_OBJECTS_BYTES = 1_300
"""The batch's owner, the batcher's output, the ending, the announcement, and the Map Run's manifest."""
FAILED_OBJECT_BYTES, FAILED_ITEM_BYTES = 28, 54
"""An object of a chunk's failed items, without them; and of each of them what is neither its JSON nor its error."""
ERROR_TEXT = f"{ERROR}\n  work.py, line 24, in process"
"""The error of the example's process with its place. That of your own may be longer."""


@dataclass(frozen=True)
class Kept:
    """What one batch leaves: `size` bytes, kept for `days`. `price` is that of a month's storage."""

    price: str
    size: float
    days: float

    def average(self, per_day: float) -> float:
        """The bytes that are held at any time once `per_day` batches a day have run for longer than `days`."""
        return self.size * self.days * per_day


def kept(plan: Plan) -> Iterator[Kept]:
    """What a batch of the plan leaves when it has ended.

    Chunk records and messages are gone by then. Deadlines are taken for the time that a batch takes to end.
    """
    if plan.architecture == "sqs":
        days = (KEEP_SECONDS + plan.settings.deadline_seconds) / DAY
        yield Kept("dynamodb.gb_months", record_sizes(plan), days)
    else:
        yield Kept("s3.gb_months", object_sizes(plan) + result_sizes(plan), object_days())
    logged = sum(line.usage.quantity for line in plan.bill.lines if line.usage.price == "logs.bytes")
    yield Kept("logs.gb_months", logged, parameters_of(plan.architecture)["LogRetentionDays"]["Default"])


def record_sizes(plan: Plan) -> float:
    """Bytes of the batch's records as AWS measures storage: of the batch, its segments, and items that failed."""
    workload, settings = plan.workload, plan.settings
    shapes: list[SqsShape] = [sqs_shape(workload, settings, size) for size in sizes.item_bytes(workload)]
    batch = PlannedBatch(workload, settings, sizes.BATCH_ID, plan.timing, shapes)
    tries = batch.attempts(batch.shape.filled_segments, settings.batch_size)
    open_batch = open_record(batch)
    ended = {name: value for name, value in (open_batch | FINISHED).items() if name != "segments"}
    listed = {name: open_batch[name] for name in ("PK", "SK", "expiresAt")}
    item = sizes.failed_item_bytes(sizes.BATCH_ID, math.ceil(sizes.item_bytes(workload).expected), ERROR_TEXT)
    records = (
        (1, record_bytes(ended)),
        (1, record_bytes(listed)),
        (batch.shape.segments, sizes.segment_record_bytes(sizes.BATCH_ID)),
        (tries.failed_items.expected, item),
        (tries.failing_chunks.expected, sizes.failed_count_bytes(sizes.BATCH_ID)),
    )
    return sum(count * (size + STORAGE_OVERHEAD_BYTES) for count, size in records)


def object_sizes(plan: Plan) -> float:
    """Bytes of the objects that the functions write: the chunks, items that failed, and a few small ones."""
    shape, batch = sfn_batch(plan)
    tries = batch.attempts(shorter=1, batch_size=1)
    item = sizes.item_bytes(plan.workload).expected + len(ERROR_TEXT) + FAILED_ITEM_BYTES
    failures = tries.failing_chunks.expected * FAILED_OBJECT_BYTES + tries.failed_items.expected * item
    return shape.object_bytes + SMALL_OBJECTS_BYTES + failures


def result_sizes(plan: Plan) -> float:
    """Bytes of the results that AWS's ResultWriter writes: of each child, its references to chunks, and their outcomes.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
    """
    lines = (line.usage for line in plan.bill.lines if line.usage.price == "states.transitions")
    children = sum(usage.quantity for usage in lines if usage.operation == CHILD_STARTED)
    said = Assumptions.load()
    of_chunks = plan.timing.chunks * said["result_writer.chunk_bytes"]
    return children * said["result_writer.child_bytes"] + of_chunks


def sfn_batch(plan: Plan) -> tuple[SfnShape, PlannedBatch[SfnShape]]:
    """The shape of the plan's batch with items of the expected size, and the batch."""
    shapes = [sfn_shape(plan.workload, plan.settings, size) for size in sizes.item_bytes(plan.workload)]
    return shapes[1], PlannedBatch(plan.workload, plan.settings, sizes.BATCH_ID, plan.timing, shapes)


@cache
def object_days() -> float:
    """Days after which the objects of the batch bucket expire, by the template."""
    document = yaml.load(template("sfn"), TemplateLoader)  # noqa: S506 - a SafeLoader, for the project's own file
    rules = resources(document, "AWS::S3::Bucket")["BatchBucket"]["LifecycleConfiguration"]["Rules"]
    return float(next(rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule))
