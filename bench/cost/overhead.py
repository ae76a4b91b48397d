"""What the meter adds to a batch's duration: the same batches on two engines in turn, one of them without it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from unittest.mock import patch

from rich.console import Group
from rich.text import Text

from bench.batches import Size, run_batch
from bench.cost.report import table
from bench.engine import own_engine
from bench.figures import Figure, ratios
from bootstrap import aws
from bootstrap.deploy import deploy
from rollcall.connection import Connection
from rollcall.costs.meter_client import NoMeter, fetch_meter
from rollcall.errors import Problem
from rollcall.sqs import SqsBatches
from sandbox import native
from sandbox.state import Sandbox

UNMETERED = "bench.cost.unmetered"
WARM_UP = Size(1_000, 10)
GOAL_PERCENT = 3

type Progress = Callable[[str], None]


@contextmanager
def unmetered_engine(progress: Progress) -> Iterator[Sandbox]:
    """An engine of its own that counts nothing. Raises SandboxError."""
    with patch.object(native, "MODULE", UNMETERED), own_engine(progress) as sandbox:
        yield sandbox


def measure_overhead(size: Size, pairs: int, progress: Progress) -> Figure:
    """Percent that the meter adds to a batch of the SQS architecture, pair by pair; the goal is on their median.

    Raises what `bench.measure.measure` raises.
    """
    with own_engine(progress) as metered, unmetered_engine(progress) as plain:
        with_it, without = (prepared(sandbox, progress) for sandbox in (metered, plain))
        assert_metered(metered, plain)
        durations: dict[SqsBatches, list[float]] = {with_it[1]: [], without[1]: []}
        for number in range(pairs):
            # By turns: what warms up or drifts meets both.
            for connection, batches in (with_it, without) if number % 2 else (without, with_it):
                said = f"pair {number + 1} of {pairs}, {'with' if batches is with_it[1] else 'without'} the meter"
                ended = run_batch(connection, batches, size, lambda line, said=said: progress(f"{said}: {line}"))  # type: ignore[misc]
                durations[batches].append(ended.seconds)
    values = [(ratio - 1) * 100 for ratio in ratios(durations[with_it[1]], durations[without[1]])]
    return Figure("the meter adds to a batch", "%", values, GOAL_PERCENT)


def prepared(sandbox: Sandbox, progress: Progress) -> tuple[Connection, SqsBatches]:
    """The SQS architecture in an engine, warm."""
    session = aws.session(sandbox.endpoint)
    deploy(session, ("sqs",), progress=progress)
    connection = Connection(session, "", sandbox.endpoint, sandbox.engine)
    batches = SqsBatches(connection)
    run_batch(connection, batches, WARM_UP, progress)
    return connection, batches


def assert_metered(metered: Sandbox, plain: Sandbox) -> None:
    """Raises Problem unless the one engine counts and the other does not."""
    if not fetch_meter(metered.endpoint)["rows"]:
        raise Problem("the engine with the meter has counted nothing")
    try:
        fetch_meter(plain.endpoint)
    except NoMeter:
        return
    raise Problem("the engine without the meter has one")


def overhead_report(figure: Figure, size: Size) -> Group:
    """The pairs and their median, for a Rich console."""
    rows = [[f"pair {number}", f"{value:+.1f} %"] for number, value in enumerate(figure.values, 1)]
    rows.append(["median", f"{median(figure.values):+.1f} %"])
    verdict = "met" if figure.met else "missed"
    title = f"what the meter adds to {size.items:,} items of zero work, {size.items_per_chunk} a chunk"
    return Group("", table([title, ""], rows), Text(f"\ngoal: < {GOAL_PERCENT} %, {verdict}"))
