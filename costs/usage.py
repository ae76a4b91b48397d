"""A billed quantity, and the catalogue of the words for it, which plans and bills share."""

from dataclasses import dataclass

BATCHER, PROCESSOR, FINALIZER = "BatcherFunction", "ProcessorFunction", "FinalizerFunction"
RECORDER = "FailureRecorderFunction"
"""The functions' logical ids."""
CHUNKS, SEGMENTS = "chunks", "segments"
INIT, IDLE = "init", "idle"
"""Parts that tell quantities of one price, function and operation apart."""
GB_SECONDS = "lambda.gb_seconds."
"""Begins the ids of the prices of Lambda's time; the functions' processor architecture follows."""

type Key = tuple[str | None, ...]

WORDS: dict[Key, str] = {
    # By price, function and operation.
    ("lambda.requests", BATCHER, "invoke"): "batcher's invocations",
    ("lambda.requests", PROCESSOR, "invoke"): "processor's invocations",
    ("lambda.requests", FINALIZER, "invoke"): "finalizer's invocations",
    ("lambda.requests", RECORDER, "invoke"): "recording failed items",
    (GB_SECONDS, BATCHER, "invoke"): "the batcher",
    (GB_SECONDS, PROCESSOR, "invoke"): "all else in the processor",
    (GB_SECONDS, FINALIZER, "invoke"): "the finalizer",
    (GB_SECONDS, RECORDER, "invoke"): "recording failed items",
    ("sqs.requests", None, "SendMessage"): "the schedule's event, where it starts the batch",
    ("sqs.requests", BATCHER, "ReceiveMessage"): "receiving the request and the segments",
    ("sqs.requests", BATCHER, "DeleteMessageBatch"): "deleting the request and the segments",
    ("sqs.requests", BATCHER, "ChangeMessageVisibility"): "returning segments for want of time",
    ("sqs.requests", BATCHER, "SendMessage"): "the check message, and the nudge after sealing",
    ("sqs.requests", BATCHER, "SendMessageBatch"): "sending segments and chunks",
    ("sqs.requests", PROCESSOR, "ReceiveMessage"): "receiving chunks",
    ("sqs.requests", PROCESSOR, "DeleteMessageBatch"): "deleting chunks' messages",
    ("sqs.requests", PROCESSOR, "ChangeMessageVisibility"): "returning chunks",
    ("sqs.requests", PROCESSOR, "SendMessage"): "nudges",
    ("sqs.requests", FINALIZER, "ReceiveMessage"): "receiving the check message and nudges",
    ("sqs.requests", FINALIZER, "DeleteMessageBatch"): "deleting the check message and nudges",
    ("sqs.requests", FINALIZER, "ChangeMessageVisibility"): "returning the check message",
    ("dynamodb.write_units", BATCHER, "PutItem"): "the batch record, and its row in the list",
    ("dynamodb.write_units", BATCHER, "BatchWriteItem"): "chunk records written",
    ("dynamodb.write_units", BATCHER, "UpdateItem"): "claims, cursors and seals of segments",
    ("dynamodb.write_units", PROCESSOR, "UpdateItem"): "claims and progress of chunks",
    ("dynamodb.write_units", PROCESSOR, "BatchWriteItem"): "chunk records deleted, failed items",
    ("dynamodb.write_units", FINALIZER, "UpdateItem"): "progress, the ending, the announcement",
    ("dynamodb.write_units", FINALIZER, "UpdateItem:failed-condition"): "endings that another finalizer had set",
    ("dynamodb.read_units", BATCHER, "GetItem"): "the batch record before each window",
    ("dynamodb.read_units", BATCHER, "Query"): "the other segments' cursors, for MaxItems",
    ("dynamodb.read_units", PROCESSOR, "GetItem"): "whether the batch is sealed",
    ("dynamodb.read_units", PROCESSOR, "Query"): "whether the shard is empty",
    ("dynamodb.read_units", FINALIZER, "GetItem"): "the batch record, open segments, how far it counted",
    ("dynamodb.read_units", FINALIZER, "Query"): "shards, and counts of failures",
    ("states.transitions", None, "parent"): "states of the batch",
    ("states.transitions", None, "children"): "children started",
    ("states.transitions", None, "child"): "states of its children",
    ("states.express_requests", None, "child"): "children",
    ("states.express_gb_seconds", None, "child"): "children's duration",
    ("s3.gets", None, "GetObject"): "the Map's input",
    ("s3.puts", None, "PutObject"): "the Map's results",
    ("s3.gets", BATCHER, "GetObject"): "the input; Step Functions: who owns the batch",
    ("s3.puts", BATCHER, "PutObject"): "the chunks; who owns the batch, what was made",
    ("s3.puts", BATCHER, "CreateMultipartUpload"): "the chunks' upload",
    ("s3.puts", BATCHER, "UploadPart"): "parts of the chunks",
    ("s3.puts", BATCHER, "ListParts"): "the parts, listed",
    ("s3.puts", BATCHER, "CompleteMultipartUpload"): "the end of the chunks' upload",
    ("s3.puts", RECORDER, "PutObject"): "failed items, an object for each chunk",
    ("s3.gets", FINALIZER, "GetObject"): "what was made; whether it has ended; how far it was counted",
    ("s3.puts", FINALIZER, "ListObjectsV2"): "the failures, listed",
    ("s3.puts", FINALIZER, "PutObject"): "the ending, the announcement",
    ("events.published", BATCHER, "PutEvents"): "Batch Started",
    ("events.published", FINALIZER, "PutEvents"): "Batch Finished",
    ("logs.bytes", BATCHER, "function"): "Batch Started, logged",
    ("logs.bytes", PROCESSOR, "function"): "metrics and failures of the processor",
    ("logs.bytes", RECORDER, "function"): "failures",
    ("logs.bytes", FINALIZER, "function"): "Batch Finished, logged, and its metric",
    # By price and part, of every function.
    ("sqs.requests", CHUNKS): "sending chunks",
    ("sqs.requests", SEGMENTS): "sending segments",
    ("sqs.requests", IDLE): "idle pollers' polls",
    (GB_SECONDS, "own"): "your items being processed",
    (GB_SECONDS, INIT): "cold starts",
    ("logs.bytes", INIT): "cold starts' lines",
    ("cloudwatch.metric_months", ""): "custom metrics",
    ("lambda.poller_unit_hours", ""): "provisioned pollers",
    ("dynamodb.gb_months", ""): "records that batches left",
    ("s3.gb_months", ""): "objects that batches left",
    ("logs.gb_months", ""): "logs",
    # By price and operation, of every function.
    ("lambda.requests", "invoke"): "invocations",
    (GB_SECONDS, "invoke"): "all else in functions",
    ("logs.bytes", "platform"): "START, END and REPORT lines",
    ("logs.bytes", "function"): "the functions' lines",
}


@dataclass(frozen=True)
class Usage:
    """A quantity of the price book's `price`.

    `quantity` is in that price's unit (requests, write units, GB-seconds, bytes, ...), never rounded to its pack.
    `own` marks your code: Lambda time spent in `process`; the rest is orchestration. `function` and `operation` are the
    meter's; `part` tells usages of a pair apart. `low` and `high` bound a quantity that timing decides; they equal it
    where the workload alone does. `what` are words for its purpose: the catalogue's, unless others are given.
    `note` says how it was derived where it was not counted.
    """

    price: str
    quantity: float
    function: str | None = None
    operation: str | None = None
    part: str = ""
    own: bool = False
    what: str = ""
    low: float | None = None
    high: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if not self.what:
            object.__setattr__(self, "what", self._words())

    @property
    def key(self) -> Key:
        """The usage's row of the catalogue; a bill shows usages of the same row as one line."""
        price = GB_SECONDS if self.price.startswith(GB_SECONDS) else self.price
        operation = self.operation or ""
        keys: tuple[Key, ...] = ((price, self.part), (price, self.function, operation), (price, operation))
        return (price, "own") if self.own else next((key for key in keys if key in WORDS), keys[-1])

    def _words(self) -> str:
        """The catalogue's words; of an operation that it does not have, its name: `UpdateItem, failed condition`."""
        return WORDS.get(self.key) or (self.operation or "").replace(":", ", ").replace("-", " ")
