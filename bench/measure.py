"""The whole run in its order: the engines with their stacks, invocations, single calls, then the batches."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from bench.baseline.stack import deploy_baseline
from bench.batches import run_batch
from bench.calls import Call, calls, take_turns
from bench.contestants import WARM_UP, Contestant, ministack_engine, rollcall_engine
from bench.figures import Figure, both, percentile
from bench.invocations import Probe, peak_mb
from bench.ministack.engine import require_installed
from bench.races import Baselines, Plan, measure_batches
from rollcall.api.sandbox import prepare
from rollcall.target.connection import Connection

CALLS = 200
COLD_INVOCATIONS = 10

# The goals, on two cores that are free.
READY_SECONDS = 3.5
WARM_MILLISECONDS = 2
COLD_MILLISECONDS = 120
AT_REST_MB = 300

type Progress = Callable[[str], None]
type Contestants = Sequence[Contestant]
"""Rollcall's engine, and MiniStack unless Rollcall is measured alone."""


def measure(plan: Plan, alone: bool, progress: Progress) -> list[Figure]:
    """Measure everything on engines that are started for the run and stopped after it.

    Raises Problem if a batch or an invocation fails, or MiniStack is not installed; SandboxError if an engine fails,
    DeployFailed if a stack does.
    """
    if not alone:
        require_installed()
    # `rollcall up` does it while the engine starts, so it belongs to neither engine's time.
    prepare()
    with ExitStack() as running:
        # Both stay: while one is measured the other one uses next to no CPU, which the report tells too.
        starts = [rollcall_engine] if alone else [rollcall_engine, ministack_engine]
        contestants = [running.enter_context(start(progress)) for start in starts]
        started = measure_starts(contestants)
        invocations = measure_invocations(contestants, progress)
        single = measure_calls(contestants, progress)
        for contestant in contestants:
            contestant.warm_up(progress)
        rollcall = contestants[0].connection
        batches = measure_batches(contestants, deploy_baselines(rollcall, progress), plan, progress)
        batcher = rollcall.stack("sqs").outputs["BatcherFunctionName"]
        return [
            *started,
            *invocations,
            *single,
            *batches,
            both("engine's peak memory", "MB", [[each.engine.memory_mb("VmHWM")] for each in contestants]),
            Figure("SQS batcher's peak memory", "MB", [peak_mb(rollcall, batcher)]),
        ]


def measure_starts(contestants: Contestants) -> list[Figure]:
    """What each has measured of itself until its stacks were ready."""
    return [
        both("both stacks packed, uploaded and created", "s", [[each.deployed] for each in contestants]),
        both("start to both stacks ready", "s", [[each.ready] for each in contestants], READY_SECONDS),
        both("engine's memory at rest", "MB", [[each.at_rest_mb] for each in contestants], AT_REST_MB),
    ]


def measure_invocations(contestants: Contestants, progress: Progress) -> list[Figure]:
    """Measure a function that imports boto3, creates a client, and does nothing."""
    probes = [Probe(each.connection.client("lambda"), each.keeps_environments) for each in contestants]
    warm = measure_call("warm invoke", contestants, [probe.invoke for probe in probes], WARM_MILLISECONDS, progress)
    progress(f"{COLD_INVOCATIONS} cold invocations")
    cold = [[probe.cold_milliseconds(number) for number in range(COLD_INVOCATIONS)] for probe in probes]
    return [*warm, both("cold invoke, median", "ms", at(cold, 50), COLD_MILLISECONDS)]


def measure_calls(contestants: Contestants, progress: Progress) -> list[Figure]:
    """Measure single calls by one client."""
    of_each: list[dict[str, Call]] = [calls(each.connection) for each in contestants]
    figures = []
    for name in of_each[0]:
        figures += measure_call(name, contestants, [theirs[name] for theirs in of_each], None, progress)
    return figures


def measure_call(
    name: str, contestants: Contestants, made: Sequence[Call], goal: float | None, progress: Progress
) -> list[Figure]:
    """The duration of a call to each engine, `made` many times, and what it takes of the engine's own CPU."""
    progress(f"{CALLS} times {name}")
    for call in made:
        call()  # the first one has the engine load what it needs for it
    took, used = take_turns(made, [each.engine.cpu for each in contestants], CALLS)
    return [
        both(f"{name}, median", "ms", at(took, 50), goal),
        both(f"{name}, 95th percentile", "ms", at(took, 95)),
        both(f"{name}: engine's CPU", "ms", [[seconds * 1000 / CALLS] for seconds in used]),
    ]


def at(took: Sequence[Sequence[float]], percent: float) -> list[list[float]]:
    """A percentile of each engine's durations, as the only value of a figure."""
    return [[percentile(durations, percent)] for durations in took]


def deploy_baselines(connection: Connection, progress: Progress) -> Baselines:
    """Deploy both, and run a batch through each that does not count."""
    found = Baselines(
        in_batches=deploy_baseline(connection, "baseline", "processor_in_batches", progress),
        one_by_one=deploy_baseline(connection, "one-by-one baseline", "processor_one_by_one", progress),
    )
    for baseline in (found.in_batches, found.one_by_one):
        run_batch(connection, baseline, WARM_UP, progress)
    return found
