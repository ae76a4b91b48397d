"""How often a batch's true end lies in the range that the console shows: `python -m bench.console_range --help`."""

import argparse
import random
import time
from dataclasses import dataclass
from typing import Any

from handlers.core.batch import new_batch_id
from rollcall.batches.sight import Key
from rollcall.console.estimate import Range, ending_range
from rollcall.console.watch import Watch
from rollcall.target.connection import connect
from rollcall.target.target import Target

PROMISED = 0.8
# Small and large, even and uneven, with items that fail and are tried again.
SHAPES: tuple[dict[str, Any], ...] = (
    {"items": 4000, "itemsPerChunk": 20, "maxValue": 200},
    {"items": 3000, "itemsPerChunk": 50, "maxValue": 500},
    {"items": 6000, "itemsPerChunk": 10, "maxValue": 100, "failRate": 0.01},
    {"items": 2000, "itemsPerChunk": 100, "maxValue": 800},
    {"items": 10_000, "itemsPerChunk": 25, "maxValue": 50},
)


@dataclass(frozen=True)
class Sample:
    """A range that was shown, and when, in seconds of the sandbox's clock."""

    at: float
    shown: Range


@dataclass(frozen=True)
class Outcome:
    """The samples of one batch, and when it ended."""

    key: Key
    samples: list[Sample]
    end: float

    @property
    def right(self) -> int:
        """How many of the ranges had the end in them."""
        return sum(sample.shown.low <= self.end - sample.at <= sample.shown.high for sample in self.samples)

    @property
    def width(self) -> float:
        """How wide the ranges were on average: the upper end as a multiple of the lower one."""
        ratios = [sample.shown.high / max(sample.shown.low, 1.0) for sample in self.samples]
        return sum(ratios) / len(ratios) if ratios else 0.0


def watched(watch: Watch, architecture: str, shape: dict[str, Any]) -> Outcome:
    """Start a batch, and take a sample each second until it has ended."""
    batches = watch.batches(architecture)
    key = Key(architecture, new_batch_id(watch.connection.now()))
    batches.start({"batchId": key.batch_id, **shape})
    samples: list[Sample] = []
    seen_at = 0
    while True:
        sight = watch.batch(key).value
        if sight and sight.finished_at:
            return Outcome(key, samples, sight.finished_at / 1000)
        span = ending_range(watch.history.of(key).points, sight.waits) if sight else None
        if sight and span and sight.at > seen_at:
            seen_at = sight.at
            samples.append(Sample(sight.at / 1000, span))
        time.sleep(0.2)


def main() -> int:
    """Run the batches, print a line about each and the share of the ranges that were right."""
    parser = argparse.ArgumentParser(prog="python -m bench.console_range", description=__doc__)
    parser.add_argument("--batches", type=int, default=20, help="how many, of both architectures in turn (20)")
    parser.add_argument("--port", type=int, help="the port of the sandbox (that of `rollcall up`)")
    parser.add_argument("--project", default="rollcall", help="the name of the sandbox (rollcall)")
    given = parser.parse_args()
    watch = Watch(connect(Target(port=given.port, project=given.project)))
    outcomes = []
    chance = random.Random(19)  # noqa: S311 - shapes in a repeatable order
    for number in range(given.batches):
        shape = chance.choice(SHAPES)
        outcomes.append(outcome := watched(watch, ("sqs", "sfn")[number % 2], shape))
        print(
            f"{outcome.key.architecture}  {shape['items']:>6,} items  {len(outcome.samples):>3} samples  "
            f"{outcome.right:>3} right  high/low {outcome.width:.1f}",
            flush=True,
        )
    samples = sum(len(outcome.samples) for outcome in outcomes)
    right = sum(outcome.right for outcome in outcomes)
    share = right / samples if samples else 0.0
    print(f"{right} of {samples} ranges had the end in them: {share:.0%}; promised are {PROMISED:.0%}")
    return 0 if share >= PROMISED else 1


if __name__ == "__main__":
    raise SystemExit(main())
