"""The whole run: start an engine, deploy the five ways, and send the same items through each, in one or two passes."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.cost.figures import Cost
from bench.cost.metering import bill_of, calls_of, unassigned_calls, when_quiet
from bench.cost.runs import Load, run
from bench.cost.ways import Way, deploy_ways
from bench.engine import own_engine
from bootstrap import aws
from costs.facts.prices import PriceBook
from handlers.core.batch import new_batch_id
from rollcall.target.connection import Connection
from rollcall.target.meter_client import reset_meter

# A hundred messages or children, so that every environment that a batch uses exists before it.
WARM_UP = {"items": 200, "items_per_chunk": 2}

type Progress = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How many items go through each way, and how many `children` if each item has a child of its own.

    A pass is the greatest `value` of its items: the milliseconds that an item waits, 0 for a pass without work.
    """

    items: int
    children: int
    items_per_chunk: int
    passes: tuple[int, ...]


def measure(plan: Plan, book: PriceBook, progress: Progress) -> dict[int, list[Cost]]:
    """The cost of every way, by pass, on an engine that is started for the run and stopped after it.

    Raises Problem if a batch fails, SandboxError if the engine does, DeployFailed if a stack does.
    """
    with own_engine(progress) as sandbox:
        connection = Connection(aws.session(sandbox.endpoint), "", sandbox.endpoint, sandbox.engine)
        ways = deploy_ways(connection, progress)
        return {max_value: measure_pass(connection, ways, plan, max_value, book, progress) for max_value in plan.passes}


def measure_pass(
    connection: Connection, ways: list[Way], plan: Plan, max_value: int, book: PriceBook, progress: Progress
) -> list[Cost]:
    """Send the same items through each way, warm and one way after another: a batch's id determines its items."""
    batch_id = new_batch_id(connection.now())
    costs = []
    for way in ways:
        run(connection, way, Load(new_batch_id(connection.now()), **WARM_UP, max_value=0), progress)
        items = min(plan.items, plan.children) if way.key == "map" else plan.items
        load = Load(batch_id, items, plan.items_per_chunk, max_value)
        costs.append(measure_way(connection, way, load, book, progress))
    return costs


def measure_way(connection: Connection, way: Way, load: Load, book: PriceBook, progress: Progress) -> Cost:
    """Run one batch through one way, and bill it once the meter is quiet."""
    endpoint = connection.endpoint or ""
    when_quiet(endpoint, way.stack)
    reset_meter(endpoint)
    ended = run(connection, way, load, progress)
    answer = when_quiet(endpoint, way.stack)
    return Cost(
        key=way.key,
        short=way.short,
        title=way.title,
        bill=bill_of(answer, way.stack, load.batch_id, load.items, book),
        seconds=ended.seconds,
        lag=None if way.poll_seconds else ended.lag,
        calls=calls_of(answer, way.stack, load.batch_id),
        poll_seconds=way.poll_seconds,
        unassigned_calls=unassigned_calls(answer, way.stack),
    )
