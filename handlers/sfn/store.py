"""The only module that knows the batch bucket's keys: each object of docs/design.md."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from handlers.core.batch import BatchRequest, camel_case, snake_case
from handlers.core.json_text import unsealed
from handlers.core.rejected import invalid_reason
from handlers.sfn.json_objects import JsonObjects


@dataclass(frozen=True)
class Started:
    """Who runs a generation of a batch, and with which request. Times in milliseconds since 1970.

    `execution_arn` is empty where EventBridge could not start one. `request` is None where it was refused, and `reason`
    says why. `running` is the batch that still ran when this one was to be started, so that it was skipped.
    """

    execution_arn: str
    started_at: int
    request: BatchRequest | None
    reason: str | None = None
    running: str | None = None

    def to_json(self) -> dict:
        values = {camel_case(name): value for name, value in vars(self).items()}
        return values | {"request": self.request and self.request.to_json()}

    @classmethod
    def from_json(cls, value: dict) -> "Started":
        values = {snake_case(name): each for name, each in value.items()}
        return cls(**values | {"request": values["request"] and BatchRequest.parse(values["request"])})


@dataclass(frozen=True)
class Made:
    """What the batcher made. Times in milliseconds since 1970.

    `smallest_chunk` is the fewest items of a chunk but the last, which is often shorter and has `last_chunk`. `reason`
    says why nothing could be made; or, where there are chunks, why its input could be read no further than they go.
    """

    batch_id: str
    generation: int
    started_at: int
    items: int
    chunks: int
    smallest_chunk: int
    last_chunk: int
    tolerated_failure_percentage: float
    reason: str | None = None

    @property
    def refused(self) -> bool:
        """Whether nothing could be made: what it was to run is still what the generation before it left."""
        return self.reason is not None and not self.chunks


class BatchObjects:
    """The objects of one generation of a batch. `client` is boto3's for S3."""

    def __init__(self, client, bucket: str, batch_id: str, generation: int = 1):
        self.client = client
        self.bucket = bucket
        self.batch_id = batch_id
        self.generation = generation
        self.name = f"{batch_id}/{generation}"
        self.objects = JsonObjects(client, bucket)

    def of_generation(self, generation: int) -> "BatchObjects":
        """The objects of another generation of the batch."""
        return BatchObjects(self.client, self.bucket, self.batch_id, generation)

    def latest_generation(self) -> int | None:
        """The batch's latest generation; None if there is no such batch."""
        names = self.objects.names(f"started/{self.batch_id}/")
        return max((int(name.removesuffix(".json")) for name in names), default=None)

    # ------------------------------------------------------------------------------------------- start
    def start(self, started: Started) -> Started:
        """Store how the generation is started: this way, if nobody has yet; returns what is stored."""
        if self.objects.put_new(self._started_key, started.to_json()):
            return started
        return Started.from_json(self.objects.get(self._started_key)[0])

    def find_started(self) -> Started | None:
        """How the generation was started, if it ever was."""
        found = self.objects.find(self._started_key)
        return Started.from_json(found[0]) if found else None

    def find_owner(self) -> str | None:
        """The execution that runs this generation, if there is one."""
        started = self.find_started()
        return started.execution_arn or None if started else None

    @property
    def _started_key(self) -> str:
        return f"started/{self.name}.json"

    # ------------------------------------------------------------------------------------------ chunks
    @property
    def chunks_key(self) -> str:
        return f"chunks/{self.name}.json"

    def chunks(self) -> Iterator[dict]:
        """The chunks as they were made: a line each, so that an object of any size is read in little memory."""
        body = self.client.get_object(Bucket=self.bucket, Key=self.chunks_key)["Body"]
        chunks = (json.loads(line.strip(b"[],")) for line in body.iter_lines(chunk_size=64 * 1024))
        return ({**chunk, "items": [*map(unsealed, chunk["items"])]} for chunk in chunks)

    def put_made(self, made: Made) -> None:
        self.objects.put(f"made/{self.name}.json", asdict(made))

    def find_made(self) -> Made | None:
        """What the batcher made, once it was through."""
        found = self.objects.find(f"made/{self.name}.json")
        return Made(**found[0]) if found else None

    # ---------------------------------------------------------------------------------------- failures
    def put_failed(self, seq: int, failures: list[dict]) -> None:
        """Record items of one chunk as failed for good; the key tells how many, so that counting reads no object.

        What is no item fails for that, whatever else its child met.
        """
        failures = [
            failure | {"item": (item := unsealed(failure["item"])), "error": invalid_reason(item) or failure["error"]}
            for failure in failures
        ]
        self.objects.put(f"failed/{self.name}/{seq:09d}-{len(failures)}.json", {"seq": seq, "failed": failures})

    def failures(self, first: int = 0) -> Iterator[tuple[int, int]]:
        """From chunk `first` on, in order: its number and how many of its items have failed for good.

        A function that outlived its execution may have recorded a chunk once more: its last record counts.
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
        """Whether items of the chunk are recorded as failed."""
        return next(self.objects.names(f"failed/{self.name}/{seq:09d}-", most=1), None) is not None

    def failed_items(self) -> Iterator[dict]:
        """Every item that has failed for good: `item`, `error`, `attempts`."""
        for seq, count in self.failures():
            yield from self.objects.get(f"failed/{self.name}/{seq:09d}-{count}.json")[0]["failed"]

    def find_counted(self) -> dict:
        """How far the end of the batch has come; see counting.py."""
        found = self.objects.find(f"lost/{self.name}.json")
        return found[0] if found else {}

    def put_counted(self, progress: dict) -> None:
        self.objects.put(f"lost/{self.name}.json", progress)

    def find_settled(self, page: int) -> dict | None:
        """`{"seqs", "next"}`: chunks that children have settled, as a redrive found them, and the next page's token."""
        found = self.objects.find(f"settled/{self.name}/{page:06d}.json")
        return found[0] if found else None

    def put_settled(self, page: int, settled: dict) -> None:
        self.objects.put(f"settled/{self.name}/{page:06d}.json", settled)

    # --------------------------------------------------------------------------------------------- end
    def put_ending(self, detail: dict, announce_until: int) -> bool:
        """Store how the batch ended; true for the single winner, who announces it."""
        return self.objects.put_new(self._ending_key, {"detail": detail, "announceUntil": announce_until})

    def find_ending(self) -> tuple[dict, str] | None:
        """`{"detail", "announceUntil"}` and its ETag, once the batch has ended."""
        return self.objects.find(self._ending_key)

    def take_announcement_over(self, detail: dict, announce_until: int, etag: str) -> bool:
        """Become the announcer in place of one that died; false if somebody else did."""
        return self.objects.put_if(self._ending_key, {"detail": detail, "announceUntil": announce_until}, IfMatch=etag)

    def record_notified(self) -> None:
        """Batch Finished is published."""
        self.objects.put(f"notified/{self.name}", {})

    def is_notified(self) -> bool:
        return self.objects.find(f"notified/{self.name}") is not None

    @property
    def _ending_key(self) -> str:
        return f"finished/{self.name}.json"
