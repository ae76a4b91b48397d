"""`python -m tests.chaos`: exits with 1 when a batch ended early, late, twice or with something lost or repeated."""

import argparse
import json
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
    parser.add_argument("--batches", type=whole, metavar="N", help="end after so many (40, or as many as the minutes)")
    parser.add_argument("--minutes", type=float, metavar="N", help="begin no round after so long")
    parser.add_argument("--seed", type=whole, metavar="N", help="of the first round, the next one has N + 1 (random)")
    parser.add_argument("--naive", action="store_true", help="the obvious implementation instead, which must fail")
    parser.add_argument("--clock", choices=("real", "skip"), default="skip", help="of an engine of its own (skip)")
    parser.add_argument("--endpoint", metavar="URL", help="a native engine that is up, instead of one of its own")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser.parse_args()


@contextmanager
def engine(endpoint: str | None, clock: str) -> Iterator[Sandbox]:
    """The engine that runs at `endpoint`, or one of its own, whose clock is `skip` or `real`."""
    if endpoint:
        yield Sandbox("native", urlsplit(endpoint).port or 80, control.project())
    else:
        with native_engine() as own:
            Clock(own.endpoint).skip(clock == "skip")
            yield own


def rounds(given: argparse.Namespace, began: float) -> Iterator[tuple[int, int]]:
    """Seed and number of batches of every round."""
    seed = given.seed or random.SystemRandom().randrange(1, 1_000_000)
    left = given.batches or (sys.maxsize if given.minutes else 40)
    while left > 0 and (not given.minutes or time.monotonic() - began < given.minutes * 60):
        yield seed, min(left, PER_ROUND)
        seed, left = seed + 1, left - PER_ROUND


def run(given: argparse.Namespace, folder: Path, outcomes: list[Outcome]) -> None:
    """Every round, judged at its end and once more when all are over; `outcomes` grows by one with each."""
    began = time.monotonic()
    variant = NaiveStage if given.naive else Stage
    with ExitStack() as stack:
        sandbox = stack.enter_context(engine(given.endpoint, given.clock))
        stage = stack.enter_context(variant(sandbox.endpoint, folder, f"Chaos{folder.name[-6:]}"))
        for seed, batches in rounds(given, began):
            outcomes.append(Round(stage, Faults(sandbox.endpoint), seed, batches).run())
            say(round_line(outcomes[-1], sum(len(each.specs) for each in outcomes)), *outcomes[-1].texts())
        for outcome in outcomes:
            outcome.reconsider(stage)
        if not given.endpoint and not all(outcome.well for outcome in outcomes):
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
