"""The whole run in its order: the engine, the stacks, invocations, then batches side by side, round by round."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from bench.baseline.stack import deploy_baseline
from bench.batches import Run, Size, Starter, run_batch
from bench.engine import own_engine, peak_memory_mb
from bench.figures import Figure, percentile, ratios
from bench.invocations import Probe, peak_mb
from bootstrap import aws
from bootstrap.deploy import deploy
from rollcall.batches.sfn import SfnBatches
from rollcall.batches.sqs import SqsBatches
from rollcall.target.connection import Connection

WARM_INVOCATIONS = 200
COLD_INVOCATIONS = 10
ITEMS_PER_CHUNK = 100
# The messages of ten full invocations, so that every environment that the batches use exists before them.
WARM_UP = Size(1_000, 10)

# The goals, on two cores that are free.
READY_SECONDS = 10
WARM_MILLISECONDS = 10
COLD_MILLISECONDS = 400
TIMES_THE_BASELINE = 10
SQS_RATE = 2_500
SFN_RATE = 1_000
LAG_SECONDS = 1
MILLION = Size(1_000_000, 500)
MILLION_RATE = MILLION.items / 240

type Progress = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """The numbers of items to measure. `items` go through Rollcall and both baselines; 0 `children` omits that row."""

    items: int
    large: int
    sfn_items: int
    children: int
    million: bool
    rounds: int


@dataclass(frozen=True)
class Race:
    """A batch that every round runs, with its goals."""

    title: str
    starter: Starter
    size: Size
    rate: float | None = None
    lag: float | None = None


def measure(plan: Plan, progress: Progress) -> list[Figure]:
    """Measure everything on an engine that is started for the run and stopped after it.

    Raises Problem if a batch or an invocation fails, SandboxError if the engine does, DeployFailed if a stack does.
    """
    began = time.monotonic()
    with own_engine(progress) as sandbox:
        session = aws.session(sandbox.endpoint)
        deploy(session, progress=progress)
        ready = Figure("start to both stacks ready", "s", [time.monotonic() - began], READY_SECONDS)
        connection = Connection(session, "", sandbox.endpoint, sandbox.engine)
        invocations = measure_invocations(connection, progress)
        batches = measure_batches(connection, plan, progress)
        return [ready, *invocations, *batches, Figure("engine's peak memory", "MB", [peak_memory_mb()])]


def measure_invocations(connection: Connection, progress: Progress) -> list[Figure]:
    """Measure a function that imports boto3, creates a client, and does nothing."""
    probe = Probe(connection.client("lambda"))
    progress(f"{WARM_INVOCATIONS} warm invocations")
    warm = probe.warm_milliseconds(WARM_INVOCATIONS)
    progress(f"{COLD_INVOCATIONS} cold invocations")
    cold = probe.cold_milliseconds(COLD_INVOCATIONS)
    return [
        Figure("warm invoke, median", "ms", [percentile(warm, 50)], WARM_MILLISECONDS),
        Figure("warm invoke, 95th percentile", "ms", [percentile(warm, 95)]),
        Figure("cold invoke, median", "ms", [percentile(cold, 50)], COLD_MILLISECONDS),
    ]


def measure_batches(connection: Connection, plan: Plan, progress: Progress) -> list[Figure]:
    """Run every batch of the plan, after one of each kind that does not count."""
    in_batches = deploy_baseline(connection, "baseline", "processor_in_batches", progress)
    one_by_one = deploy_baseline(connection, "one-by-one baseline", "processor_one_by_one", progress)
    sqs, sfn = SqsBatches(connection), SfnBatches(connection)
    for starter in (in_batches, one_by_one, sqs, sfn):
        run_batch(connection, starter, WARM_UP, progress)
    size = Size(plan.items, ITEMS_PER_CHUNK)
    baseline = Race(f"baseline, {plan.items:,} items", in_batches, size)
    rollcall = Race(f"SQS, {plan.items:,} items", sqs, size, lag=LAG_SECONDS)
    literal = Race(f"one-by-one baseline, {plan.items:,} items", one_by_one, size)
    races = [
        baseline,
        rollcall,
        literal,
        Race(f"SQS, {plan.large:,} items", sqs, Size(plan.large, ITEMS_PER_CHUNK), SQS_RATE, LAG_SECONDS),
        Race(f"Step Functions, {plan.sfn_items:,} items", sfn, Size(plan.sfn_items, ITEMS_PER_CHUNK), SFN_RATE),
    ]
    if plan.children:
        races.append(Race(f"Step Functions, {plan.children:,} children", sfn, Size(plan.children, 1)))
    if plan.million:
        races.append(Race("SQS, 1,000,000 items, 500 a chunk", sqs, MILLION, MILLION_RATE, LAG_SECONDS))
    runs: dict[Race, list[Run]] = defaultdict(list)
    for number in range(1, plan.rounds + 1):
        for race in races:
            runs[race].append(run_batch(connection, race.starter, race.size, prefixed(progress, number, plan.rounds)))
    batcher = connection.stack("sqs").outputs["BatcherFunctionName"]
    return [
        # From the start to the arrival of the event.
        *(Figure(race.title, "items/s", [run.rate for run in runs[race]], race.rate) for race in races),
        ratio_of("SQS : baseline", runs[rollcall], runs[baseline], TIMES_THE_BASELINE),
        ratio_of("SQS : one-by-one baseline", runs[rollcall], runs[literal]),
        *lags(runs),
        Figure("SQS batcher's peak memory", "MB", [peak_mb(connection, batcher)]),
    ]


def prefixed(progress: Progress, number: int, rounds: int) -> Progress:
    """Progress with the number of the round in front, if there are several."""
    return progress if rounds == 1 else lambda line: progress(f"round {number} of {rounds}, {line}")


def ratio_of(name: str, runs: list[Run], baselines: list[Run], goal: float | None = None) -> Figure:
    """How many times as fast as the baseline, round by round."""
    return Figure(name, "x", ratios([run.rate for run in runs], [run.rate for run in baselines]), goal)


def lags(runs: dict[Race, list[Run]]) -> list[Figure]:
    """The completion lags of the batches that have one."""
    known = {race: [run.lag for run in batches if run.lag is not None] for race, batches in runs.items()}
    return [Figure(f"lag, {race.title}", "s", values, race.lag) for race, values in known.items() if values]
