"""The batch bucket: all its objects, which docs/design.md lists. Nothing else knows their keys."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from handlers.aws import Client
from handlers.core.batch import BatchRequest, Ending, Status, camel_cased, snake_cased
from handlers.core.json_text import Item, JsonObject, dumps, unsealed
from handlers.core.rejected import as_failed

# A state's input is at most 256 KiB. What a child reads of its chunks at once stays far below that.
READ_TOGETHER = 128 * 1024
LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict"}
MISSING = {"NoSuchKey", "404"}


@dataclass(frozen=True)
class BatchStart:
    """Who runs a generation of a batch, and with which request. Times in milliseconds since 1970.

    `execution_arn` is empty if EventBridge could not start an execution. `request` is None if it was refused; `reason`
    says why. `running` is the earlier batch that still ran, so that this one was skipped. `only_error` selects the
    failed items that a redrive runs, see Selection.
    """

    execution_arn: str
    started_at: int
    request: BatchRequest | None
    reason: str | None = None
    running: str | None = None
    only_error: str | None = None

    def to_json(self) -> JsonObject:
        return camel_cased(vars(self)) | {"request": self.request and self.request.to_json()}

    @classmethod
    def from_json(cls, value: JsonObject) -> "BatchStart":
        request = value["request"] and BatchRequest.parse(value["request"])
        return cls(**snake_cased(value) | {"request": request})


@dataclass(frozen=True)
class BatcherOutput:
    """The batcher's output: counts of its chunks, or why there are none. Times in milliseconds since 1970.

    `smallest_chunk` is the fewest items of any chunk but the last, which is often shorter and has `last_chunk` items.
    `reason` says why there are no chunks; or, if there are some, why the input could not be read beyond them. The first
    Map Run has so many `children`, of `per_child` chunks but for the last.
    """

    batch_id: str
    generation: int
    started_at: int
    items: int = 0
    chunks: int = 0
    smallest_chunk: int = 0
    last_chunk: int = 0
    tolerated_failure_percentage: float = 0
    reason: str | None = None
    children: int = 0
    per_child: int = 1

    @property
    def refused(self) -> bool:
        """Whether no chunks could be made. Then the items left over are still those of the generation before."""
        return self.reason is not None and not self.chunks

    def ending(self, status: Status, settled: int, failed: int, reason: str | None, finished_at: int) -> Ending:
        """The ending of the batch with `settled` of its items settled, of which `failed` have failed."""
        return Ending(
            batch_id=self.batch_id,
            generation=self.generation,
            architecture="sfn",
            status=status,
            items=self.items,
            succeeded=settled - failed,
            failed=failed,
            remaining=self.items - settled,
            chunks=self.chunks,
            started_at=self.started_at,
            finished_at=finished_at,
            reason=reason,
        )


@dataclass(frozen=True)
class Part:
    """The chunks of one Map Run, the `run`th of the batch: so many `children`, of `per_child` chunks but for the last.

    The Map Runs before it have settled all other chunks of the batch.
    """

    run: int
    chunks: int
    children: int
    per_child: int

    def in_children(self, children: int) -> int:
        """The fewest chunks that so many of the children have."""
        if not 0 < children < self.children:
            return self.chunks if children else 0
        last = self.chunks - (self.children - 1) * self.per_child
        return (children - 1) * self.per_child + last


def together(group: Sequence[JsonObject]) -> JsonObject:
    """The first and the last byte of these neighbours in the file of chunks; 0 if a child may not read all at once."""
    first, last = (group[0].get("at", 0), group[-1].get("at", 0) + group[-1].get("bytes", 0) - 1)
    return {"first": first, "last": last} if 0 < last < first + READ_TOGETHER else {"first": 0, "last": 0}


@dataclass
class JsonObjects:
    """JSON objects in a bucket. `client` is an S3 client."""

    client: Client
    bucket: str

    def put(self, key: str, value: JsonObject, **condition: str) -> None:
        """Write an object. `condition`: arguments of PutObject."""
        self.client.put_object(
            Bucket=self.bucket, Key=key, Body=json.dumps(value).encode(), ContentType="application/json", **condition
        )

    def put_new(self, key: str, value: JsonObject) -> bool:
        """Write a new object; false if there is one already."""
        return self.put_if(key, value, IfNoneMatch="*")

    def put_if(self, key: str, value: JsonObject, **condition: str) -> bool:
        """Write an object if `condition` holds; false if it does not."""
        try:
            self.put(key, value, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in LOST_RACE:
                return False
            raise
        return True

    def get(self, key: str) -> tuple[Any, str]:
        """The object's value and ETag."""
        answer = self.answer(key)
        return json.load(answer["Body"]), answer["ETag"]

    def answer(self, key: str) -> Any:
        """S3's whole answer: `Body`, `ETag`, `LastModified` and others."""
        return self.client.get_object(Bucket=self.bucket, Key=key)

    def find(self, key: str) -> tuple[Any, str] | None:
        """The object's value and ETag; None if there is no such object."""
        try:
            return self.get(key)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise

    def value(self, key: str) -> Any:
        """The object's value; None if there is no such object."""
        found = self.find(key)
        return found and found[0]

    def names(self, folder: str, after: str = "", page_size: int = 1000) -> Iterator[str]:
        """The rest of each key that begins with `folder`, in order, from the first one behind `after` on."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=folder, StartAfter=folder + after, PaginationConfig={"PageSize": page_size}
        )
        return (found["Key"].removeprefix(folder) for page in pages for found in page.get("Contents", []))


class BatchObjects:
    """The objects of one generation of a batch. `client` is an S3 client."""

    def __init__(self, client: Client, bucket: str, batch_id: str, generation: int = 1):
        self.client = client
        self.bucket = bucket
        self.batch_id = batch_id
        self.generation = generation
        self.name = f"{batch_id}/{generation}"
        self.objects = JsonObjects(client, bucket)

    @property
    def batch(self) -> JsonObject:
        """The batch and its generation, in the form that outputs and events carry."""
        return {"batchId": self.batch_id, "generation": self.generation}

    def of_generation(self, generation: int) -> "BatchObjects":
        """The objects of another generation of the batch."""
        return BatchObjects(self.client, self.bucket, self.batch_id, generation)

    def latest_generation(self) -> int | None:
        """The batch's latest generation; None if there is no such batch."""
        names = self.objects.names(f"started/{self.batch_id}/")
        return max((int(name.removesuffix(".json")) for name in names), default=None)

    # ------------------------------------------------------------------------------------------- start
    def start(self, start: BatchStart) -> BatchStart:
        """Store how the generation starts, unless that is stored already. Returns the stored one."""
        if self.objects.put_new(self._started_key, start.to_json()):
            return start
        return BatchStart.from_json(self.objects.get(self._started_key)[0])

    def find_started(self) -> BatchStart | None:
        """How the generation was started; None if it was not."""
        value = self.objects.value(self._started_key)
        return None if value is None else BatchStart.from_json(value)

    def find_owner(self) -> str | None:
        """The ARN of the execution that runs this generation; None if there is none."""
        started = self.find_started()
        return started.execution_arn or None if started else None

    @property
    def _started_key(self) -> str:
        return f"started/{self.name}.json"

    # ------------------------------------------------------------------------------------------ chunks
    @property
    def chunks_key(self) -> str:
        return f"chunks/{self.name}.json"

    def chunks(self) -> Iterator[JsonObject]:
        """The chunks, as the batcher made them: one a line, so that reading a large object takes little memory."""
        body = self.client.get_object(Bucket=self.bucket, Key=self.chunks_key)["Body"]
        chunks = (json.loads(line.strip(b"[],")) for line in body.iter_lines(chunk_size=64 * 1024))
        return ({**chunk, "items": [*map(unsealed, chunk["items"])]} for chunk in chunks)

    def items_at(self, at: int, length: int) -> list[Item]:
        """The items of the chunk that has so many bytes of the file of chunks, from `at` on."""
        part = f"bytes={at}-{at + length - 1}"
        body = self.client.get_object(Bucket=self.bucket, Key=self.chunks_key, Range=part)["Body"]
        items: list[Item] = json.loads(body.read())["items"]
        return items

    def put_lengths(self, number: int, lengths: list[int]) -> None:
        """Store the lengths of the chunks that a round of the batcher has written."""
        self.objects.put(f"children/{self.name}/lengths-{number:06d}.json", {"lengths": lengths})

    def find_lengths(self, count: int) -> Iterator[int]:
        """The lengths that `count` rounds of the batcher have stored."""
        for number in range(count):
            yield from self.objects.get(f"children/{self.name}/lengths-{number:06d}.json")[0]["lengths"]

    def children_key(self, run: int) -> str:
        return f"children/{self.name}/{run}.json"

    def put_children(self, run: int, chunks: Iterable[JsonObject], per_child: int) -> None:
        """Write the input of a Map Run: a JSON array of its children, each with references to so many chunks.

        If these are `READ_TOGETHER` at most, `first` and `last` are their first and last byte in the file of chunks.
        """
        with tempfile.TemporaryFile() as file:
            for number, group in enumerate(batched(chunks, per_child, strict=False)):
                row = {"chunks": group, **together(group)}
                file.write((",\n" if number else "[").encode() + dumps(row).encode())
            file.write(b"]")
            file.seek(0)
            self.client.put_object(Bucket=self.bucket, Key=self.children_key(run), Body=file)

    def put_part(self, part: Part) -> None:
        """Store what the next Map Run has: chunks that the one before has left."""
        self.objects.put(f"run/{self.name}.json", asdict(part))

    def part(self, made: BatcherOutput) -> Part:
        """What the latest Map Run has."""
        value = self.objects.value(f"run/{self.name}.json")
        # An execution that began before a deployment has a child for each chunk.
        return Part(**value) if value else Part(1, made.chunks, made.children or made.chunks, made.per_child)

    def names_left(self, run: int) -> Iterator[str]:
        """The names of what the children of a Map Run have left: `seq-attempt-deaths`, or `seq-failed`."""
        return (f"{run}/{name}" for name in self.objects.names(f"left/{self.name}/{run}/"))

    def left(self, name: str) -> JsonObject:
        """The input of the processor, or of the failure recorder, that a child has left."""
        left: JsonObject = self.objects.get(f"left/{self.name}/{name}")[0]
        return left

    def put_made(self, made: BatcherOutput) -> None:
        """Store the batcher's output, which says that the batcher is done."""
        self.objects.put(f"made/{self.name}.json", asdict(made))

    def find_made(self) -> BatcherOutput | None:
        """The batcher's output; None until the batcher is done."""
        value = self.objects.value(f"made/{self.name}.json")
        return None if value is None else BatcherOutput(**value)

    # ---------------------------------------------------------------------------------------- failures
    def put_failed(self, seq: int, failures: list[JsonObject]) -> None:
        """Record items of one chunk as failed for good. The key tells their number, so that counting reads no object.

        A rejection fails with its own reason, whatever happened to its child.
        """
        own = (as_failed(unsealed(failure["item"]), failure["error"]) for failure in failures)
        failures = [
            failure | {"item": item, "error": error} for failure, (item, error) in zip(failures, own, strict=True)
        ]
        self.objects.put(f"failed/{self.name}/{seq:09d}-{len(failures)}.json", {"seq": seq, "failed": failures})

    def failures(self, first: int = 0) -> Iterator[tuple[int, int]]:
        """The chunks with failed items from number `first` on, in order: the chunk and its number of failed items.

        A function that outlived its execution may have recorded a chunk again: the last record counts.
        """
        found: tuple[int, int] | None = None
        for name in self.objects.names(f"failed/{self.name}/", after=f"{first:09d}-"):
            seq, count = map(int, name.removesuffix(".json").split("-"))
            if found and found[0] != seq:
                yield found
            found = seq, count
        if found:
            yield found

    def has_failures(self, seq: int) -> bool:
        """Whether failed items of the chunk are recorded."""
        return next(self.objects.names(f"failed/{self.name}/{seq:09d}-", page_size=1), None) is not None

    def failed_items(self) -> Iterator[JsonObject]:
        """Every failed item: `item`, `error`, `attempts`, and `failedAt` in milliseconds since 1970."""
        for seq, count in self.failures():
            answer = self.objects.answer(f"failed/{self.name}/{seq:09d}-{count}.json")
            failed_at = round(answer["LastModified"].timestamp() * 1000)
            yield from (failure | {"failedAt": failed_at} for failure in json.load(answer["Body"])["failed"])

    def find_counted(self) -> JsonObject:
        """The progress of counting the batch's ending; see finish.py."""
        progress: JsonObject | None = self.objects.value(f"lost/{self.name}.json")
        return {} if progress is None else progress

    def put_counted(self, progress: JsonObject) -> None:
        self.objects.put(f"lost/{self.name}.json", progress)

    def find_finished_chunks(self, run: int, page: int) -> JsonObject | None:
        """`{"seqs", "children", "next"}`: the chunks that a page of children finished, as a redrive found them.

        `children` are the first chunks of each child, and `next` is the next page's token.
        """
        found: JsonObject | None = self.objects.value(f"settled/{self.name}/{run}-{page:06d}.json")
        return found

    def put_finished_chunks(self, run: int, page: int, found: JsonObject) -> None:
        self.objects.put(f"settled/{self.name}/{run}-{page:06d}.json", found)

    # --------------------------------------------------------------------------------------------- end
    def put_stopped(self) -> None:
        """Have children process nothing more of the batch, whose execution has ended early."""
        self.objects.put(f"stopped/{self.name}", {})

    def is_stopped(self) -> bool:
        return self.objects.find(f"stopped/{self.name}") is not None

    def put_ending(self, detail: JsonObject, announce_until: int) -> bool:
        """Store how the batch ended; true for the single winner, which announces it."""
        return self.objects.put_new(self._ending_key, {"detail": detail, "announceUntil": announce_until})

    def find_ending(self) -> tuple[JsonObject, str] | None:
        """`{"detail", "announceUntil"}` and its ETag; None until the batch has ended."""
        return self.objects.find(self._ending_key)

    def take_announcement_over(self, detail: JsonObject, announce_until: int, etag: str) -> bool:
        """Become the announcer in place of one that died; false if another finalizer did."""
        return self.objects.put_if(self._ending_key, {"detail": detail, "announceUntil": announce_until}, IfMatch=etag)

    def record_notified(self) -> None:
        """Record that Batch Finished is published."""
        self.objects.put(f"notified/{self.name}", {})

    def is_notified(self) -> bool:
        return self.objects.find(f"notified/{self.name}") is not None

    @property
    def _ending_key(self) -> str:
        return f"finished/{self.name}.json"
