"""`python -m tests.chaos`: exits with 1 when a batch ended early, late, twice or with something lost or repeated."""

import argparse
import json
import math
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from rollcall.terminal.console import stderr, stdout
from sandbox.host import control
from sandbox.state import REPOSITORY, Sandbox
from tests.chaos.naive import NaiveStage
from tests.chaos.outcome import Outcome
from tests.chaos.report import injected, replay, round_line, table, to_json
from tests.chaos.rounds import Round
from tests.chaos.stage import Stage
from tests.clock import Clock
from tests.e2e.engines import native_engine
from tests.faults import Faults

PER_ROUND = 16
# Engines side by side: a round waits for functions that are frozen or sleep, and the clock of its engine with it.
LANES = 2


def whole(text: str) -> int:
    """A positive whole number."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description="Run whole batches through both architectures, natively, under random faults, and judge each by "
        "what a witness outside the protocol saw. A round, its batches and its faults, is a function of its seed.",
    )
    parser.add_argument("--batches", type=whole, metavar="N", help="end after so many (100, or as many as the minutes)")
    parser.add_argument("--minutes", type=float, metavar="N", help="begin no round after so long")
    parser.add_argument("--seed", type=whole, metavar="N", help="of the first round, the next one has N + 1 (random)")
    parser.add_argument("--naive", action="store_true", help="the obvious implementation instead, which must fail")
    parser.add_argument("--endpoint", metavar="URL", help="a native engine that is up, instead of one of its own")
    parser.add_argument(
        "--clock", choices=("skip", "real"), default="skip", help="whether the clock of its own engines skips idle time"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser.parse_args()


@contextmanager
def engine(endpoint: str | None, clock: str) -> Iterator[Sandbox]:
    """The engine that runs at `endpoint`, with its clock as it is; or one of its own, with its clock set."""
    if endpoint:
        yield Sandbox("native", urlsplit(endpoint).port or 80, control.project())
    else:
        with native_engine() as own:
            Clock(own.endpoint).skip(clock == "skip")
            yield own


class Rounds:
    """Seed and number of batches of every round, for lanes that each take the next one, until `stop` is set."""

    def __init__(self, given: argparse.Namespace):
        self._seed = given.seed or random.SystemRandom().randrange(1, 1_000_000)
        self._left = given.batches or (sys.maxsize if given.minutes else 100)
        self._end = time.monotonic() + given.minutes * 60 if given.minutes else math.inf
        self._lock = threading.Lock()
        self.stop = threading.Event()

    def __iter__(self) -> "Rounds":
        return self

    def __next__(self) -> tuple[int, int]:
        with self._lock:
            if self.stop.is_set() or self._left <= 0 or time.monotonic() > self._end:
                raise StopIteration
            found = self._seed, min(self._left, PER_ROUND)
            self._seed, self._left = self._seed + 1, self._left - PER_ROUND
            return found


def run(given: argparse.Namespace, folder: Path, outcomes: list[Outcome]) -> None:
    """Every round, in lanes side by side; `outcomes` grows by one with each."""
    rounds = Rounds(given)
    lanes = 1 if given.endpoint else min(LANES, -(-(given.batches or sys.maxsize) // PER_ROUND))
    with ThreadPoolExecutor(lanes) as pool:
        try:
            running = [pool.submit(lane, given, folder / f"lane-{n}", rounds, outcomes) for n in range(lanes)]
            for each in as_completed(running):
                each.result()
        finally:
            rounds.stop.set()


def lane(given: argparse.Namespace, folder: Path, rounds: Rounds, outcomes: list[Outcome]) -> None:
    """Rounds on one engine, each judged at its end and once more when all of this lane are over."""
    folder.mkdir()
    mine = []
    variant = NaiveStage if given.naive else Stage
    with (
        engine(given.endpoint, given.clock) as sandbox,
        variant(sandbox.endpoint, folder, f"Chaos{folder.parent.name[-6:]}") as stage,
    ):
        for seed, batches in rounds:
            outcome = Round(stage, Faults(sandbox.endpoint), seed, batches, rounds.stop).run()
            mine.append(outcome)
            outcomes.append(outcome)
            say(round_line(outcome, sum(len(each.specs) for each in outcomes)), *outcome.texts())
        for outcome in mine:
            outcome.reconsider(stage)
        if not given.endpoint and not all(outcome.well for outcome in mine):
            (folder / "engine.log").write_text(control.engine_log(sandbox, lines=10_000))


def say(line: str, *more: str) -> None:
    """On stderr, where it is in nobody's way."""
    stderr.print("\n  ".join([line, *more]), markup=False, soft_wrap=True)


def main() -> int:
    """Run, and print what came of it."""
    given = arguments()
    # A stop request unwinds like any exit, so that the engine is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = REPOSITORY / ".rollcall" / "chaos" / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    folder.mkdir(parents=True)
    began, stopped = time.monotonic(), False
    outcomes: list[Outcome] = []
    try:
        run(given, folder, outcomes)
    except KeyboardInterrupt:
        stopped = True
    took = time.monotonic() - began
    if given.json:
        stdout.out(json.dumps(to_json(outcomes, took), indent=2))
    else:
        stdout.print(table(outcomes, took))
    failed = [outcome for outcome in outcomes if not outcome.well]
    for outcome in failed:
        place = outcome.keep(folder).relative_to(REPOSITORY)
        say(f"seed {outcome.seed}: {replay(outcome)}   evidence: {place}", *outcome.texts())
    if not failed:
        shutil.rmtree(folder)
    if not injected(outcomes):
        say("not a single fault was injected: this proves nothing")
    return 130 if stopped else 1 if failed or not injected(outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
