"""The batches of a round, drawn from its seed. Pure."""

import gzip
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# Each chunk is an execution of its own there, which costs the engine much more than a message does.
MOST_CHILDREN = 15


@dataclass(frozen=True)
class Spec:
    """One batch. `source` is `random`, or the ending of its input object's key.

    It is cancelled once `cancel_after` of its items were begun, and its request is sent again once `again_after` of
    them were; None: never. With `redrive` it is run again if it ends with items failed or left over. `bad_item` is what
    one item of its input object does: `hang`, `crash` its process, `kill` the whole function, or nothing.
    """

    batch_id: str
    architecture: str
    source: str
    items: int
    items_per_chunk: int
    item_concurrency: int
    max_attempts: int
    max_value: int
    fail_rate: float
    deadline_seconds: int
    cancel_after: int | None
    again_after: int | None
    redrive: bool
    bad_item: str = ""

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its items."""
        return tuple(f"{index:09d}" for index in range(self.items))

    def request(self, bucket: str) -> dict[str, Any]:
        """What starts it. Its input object, if it has one, is `key` in `bucket`."""
        request: dict[str, Any] = {
            "batchId": self.batch_id,
            "itemsPerChunk": self.items_per_chunk,
            "itemConcurrency": self.item_concurrency,
            "maxAttempts": self.max_attempts,
        }
        if self.source == "random":
            request |= {"items": self.items, "maxValue": self.max_value, "failRate": self.fail_rate}
        else:
            request["input"] = {"bucket": bucket, "key": self.key}
        if self.architecture == "sqs":
            request["deadlineSeconds"] = self.deadline_seconds
        return request

    @property
    def key(self) -> str:
        return f"input/chaos/{self.batch_id}.{self.source}"

    def content(self) -> bytes:
        """Its input object."""
        draw = random.Random(self.batch_id)
        rows = [{"id": item, "value": draw.randint(0, self.max_value), "fail": "", "do": ""} for item in self.ids]
        for row in rows:
            row["fail"] = "yes" if draw.random() < self.fail_rate else ""
        if rows and self.bad_item:
            draw.choice(rows)["do"] = self.bad_item
        text = csv_text(rows) if "csv" in self.source else "".join(json.dumps(row) + "\n" for row in rows)
        return gzip.compress(text.encode()) if self.source.endswith(".gz") else text.encode()


def csv_text(rows: Iterable[dict[str, Any]]) -> str:
    """With a header; a value is never in need of quotes."""
    return "".join(
        ",".join(map(str, row)) + "\n" for row in [["id", "value", "fail", "do"], *(r.values() for r in rows)]
    )


@dataclass(frozen=True)
class Scope:
    """What batches may be drawn: in turn of these architectures, with this deadline in seconds.

    With `early_ends` some are cancelled, and some get so little time that their deadline passes; with `redrives` some
    that end with items failed or left over are run again; with `mistakes` the handlers' code is wrong for some.
    """

    architectures: tuple[str, ...]
    deadline: int
    early_ends: bool
    redrives: bool
    mistakes: bool


def draw_batches(seed: int, count: int, scope: Scope) -> list[Spec]:
    """`count` batches that depend on the seed and the scope alone."""
    draw = random.Random(f"batches {seed}")
    turns = [scope.architectures[n % len(scope.architectures)] for n in range(count)]
    ids = [f"chaos-{seed}-{n}" + mistakes(random.Random(f"mistakes {seed} {n}"), scope) for n in range(count)]
    return [draw_batch(draw, batch_id, architecture, scope) for batch_id, architecture in zip(ids, turns, strict=True)]


def mistakes(draw: random.Random, scope: Scope) -> str:
    """What of a batch's id has the handlers make mistakes with it: one in eight has some, half of these for good."""
    kind = draw.choice(("-mistaken-always", "-mistaken-often", *[""] * 14))
    return kind if scope.mistakes else ""


def draw_batch(draw: random.Random, batch_id: str, architecture: str, scope: Scope) -> Spec:
    """One batch, of any kind; one that is to end early has work for longer than it gets."""
    ending = draw.choice(("deadline", "cancel", *["regular"] * 5)) if scope.early_ends else "regular"
    items = draw.choice((0, 1, draw.randint(2, 10), *[draw.randint(10, 70)] * 5))
    if ending != "regular":
        items = draw.randint(40, 120)
    items_per_chunk = draw.choice((1, 2, draw.randint(3, 10), draw.randint(11, 50)))
    if architecture == "sfn":
        items_per_chunk = min(50, max(items_per_chunk, -(-items // MOST_CHILDREN)))
    cancel_after, again_after = draw.randint(0, items // 2), draw.randint(0, items)
    return Spec(
        batch_id=batch_id,
        architecture=architecture,
        source=draw.choice(("random", "random", "jsonl", "jsonl", "jsonl.gz", "csv", "csv.gz")),
        items=items,
        items_per_chunk=items_per_chunk,
        item_concurrency=draw.choice((1, 2, 5, 10) if ending == "regular" else (1, 2)),
        max_attempts=draw.randint(2, 4),
        max_value=draw.choice((0, 10, 50) if ending == "regular" else (50, 200)),
        fail_rate=draw.choice((0, 0, 0, 0.05, 0.2)),
        deadline_seconds=draw.randint(1, 4) if ending == "deadline" else scope.deadline,
        cancel_after=cancel_after if ending == "cancel" else None,
        again_after=again_after if draw.random() < 0.2 else None,
        redrive=scope.redrives and draw.random() < 0.6,
        bad_item=draw.choice(("hang", "crash", "kill", *[""] * 5)) if scope.mistakes else "",
    )
