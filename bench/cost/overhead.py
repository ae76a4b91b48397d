"""What the meter adds to a batch's duration: the same batches on two engines in turn, one of them without it.

What else runs on the machine moves a pair by more than the meter does: so there are many pairs of short batches, and
the time in the meter's hooks is taken as well.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

from rich.console import Group
from rich.text import Text

from bench.batches import Size, run_batch
from bench.cost.hook_clock import PATH
from bench.cost.report import table
from bench.engine import own_engine
from bench.figures import Figure, median_between, ratios
from bootstrap import aws
from bootstrap.deploy import deploy
from bootstrap.problem import Problem
from rollcall.batches.sqs import SqsBatches
from rollcall.target.connection import Connection
from rollcall.target.engine_client import ask
from rollcall.target.meter_client import NoMeter, fetch_meter
from sandbox.host import native
from sandbox.state import Sandbox

# Modules that run as the engine; each changes its meter and then starts the very same one.
TIMED, UNMETERED = "bench.cost.timed", "bench.cost.unmetered"
WARM_UP = Size(1_000, 10)
GOAL_PERCENT = 3

type Progress = Callable[[str], None]


@dataclass
class Engine:
    """An engine with the SQS architecture, and its batches' seconds: by the clock, and in the meter's hooks."""

    title: str
    sandbox: Sandbox
    metered: bool
    durations: list[float] = field(default_factory=list)
    in_hooks: list[float] = field(default_factory=list)

    def deploy(self, progress: Progress) -> None:
        """Make it ready, and warm. Raises DeployFailed, Problem."""
        session = aws.session(self.sandbox.endpoint)
        deploy(session, ("sqs",), progress=progress)
        self._connection = Connection(session, "", self.sandbox.endpoint, self.sandbox.engine)
        self._batches = SqsBatches(self._connection)
        run_batch(self._connection, self._batches, WARM_UP, progress)
        assert_metered(self.sandbox, self.metered)

    def run(self, size: Size, progress: Progress) -> None:
        """One more batch. Raises Problem."""
        before = self._seconds_in_hooks()
        ended = run_batch(self._connection, self._batches, size, lambda line: progress(f"{self.title}: {line}"))
        self.in_hooks.append(self._seconds_in_hooks() - before)
        self.durations.append(ended.seconds)

    def _seconds_in_hooks(self) -> float:
        if not self.metered:
            return 0.0
        status, body = ask(self.sandbox.endpoint, "GET", PATH)
        if status != 200:
            raise Problem(f"GET {PATH}: {status}: expected the seconds of {TIMED}")
        return float(json.loads(body)["seconds"])


@contextmanager
def engine_of(module: str, progress: Progress) -> Iterator[Sandbox]:
    """An engine of its own that runs `module`. Raises SandboxError."""
    with patch.object(native, "MODULE", module), own_engine(progress) as sandbox:
        yield sandbox


def measure_overhead(size: Size, pairs: int, progress: Progress) -> list[Figure]:
    """Percent that the meter adds to a batch of the SQS architecture, pair by pair; the goals are on the medians.

    Raises what `bench.measure.measure` raises.
    """
    with engine_of(TIMED, progress) as one, engine_of(UNMETERED, progress) as other:
        metered, plain = Engine("with the meter", one, True), Engine("without", other, False)
        for engine in (metered, plain):
            engine.deploy(progress)
        for number in range(1, pairs + 1):
            # By turns: what warms up or drifts meets both.
            for engine in (plain, metered) if number % 2 else (metered, plain):
                engine.run(size, lambda line, number=number: progress(f"pair {number} of {pairs}, {line}"))  # type: ignore[misc]
    added = [(ratio - 1) * 100 for ratio in ratios(metered.durations, plain.durations)]
    share = [ratio * 100 for ratio in ratios(metered.in_hooks, metered.durations)]
    return [
        Figure("side by side", "%", added, GOAL_PERCENT),
        Figure("time in its hooks", "%", share, GOAL_PERCENT),
    ]


def assert_metered(sandbox: Sandbox, metered: bool) -> None:
    """Raises Problem unless the engine counts, or does not, as it is meant to."""
    try:
        counted = bool(fetch_meter(sandbox.endpoint)["rows"])
    except NoMeter:
        counted = False
    if counted != metered:
        raise Problem("the engine with the meter counted nothing" if metered else "the engine without the meter counts")


def overhead_report(figures: Sequence[Figure], size: Size) -> Group:
    """The medians and how sure they are, for a Rich console."""
    between = (median_between(figure.values) for figure in figures)
    rows = [
        [f"median of {len(figures[0].values)} pairs", *(f"{figure.median:+.1f} %" for figure in figures)],
        ["95 % sure to lie between", *(f"{low:+.1f} and {high:+.1f} %" for low, high in between)],
    ]
    title = f"the meter adds to {size.items:,} items, {size.items_per_chunk} a chunk"
    verdicts = [f"{figure.name}: {'met' if figure.met else 'missed'}" for figure in figures]
    goal = f"\ngoal: < {GOAL_PERCENT} % of the duration; {', '.join(verdicts)}"
    return Group("", table([title, *(figure.name for figure in figures)], rows), Text(goal))
