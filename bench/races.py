"""The batches, round by round: each through Rollcall's engine, then through MiniStack, one engine at a time."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.batches import Run, Size, Starter, run_batch
from bench.contestants import Contestant
from bench.engine import Cpu, Engine
from bench.figures import Figure, both, percentile, ratios

ITEMS_PER_CHUNK = 100
# The batches whose completion lags make a percentile.
SHORT = 1_000
MILLION = Size(1_000_000, 500)

# An engine is at rest if it uses no more than this share of a core for so many seconds.
AT_REST_SHARE = 0.08
AT_REST_LOOK = 0.5
AT_REST_PATIENCE = 30

# The goals, on two cores that are free.
TIMES_THE_BASELINE = 10
TIMES_MINISTACK = {"no slower": 1, "the goal": 1.5, "the moonshot": 2}
SFN_RATE = 15_000
LAG_SECONDS = 0.1
MILLION_RATE = MILLION.items / 25

type Progress = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """The numbers of items to measure, and of short batches. 0 `children` omits that row."""

    items: int
    large: int
    sfn_items: int
    children: int
    short: int
    million: bool
    rounds: int


@dataclass(frozen=True)
class Baselines:
    """What Rollcall's architecture is compared with, on Rollcall's engine alone."""

    in_batches: Starter
    one_by_one: Starter


@dataclass(frozen=True)
class Race:
    """A batch that every round runs on each of the engines, with its goals.

    A `baseline` is one that only Rollcall's engine has; else the engine's own starter of `architecture` starts it.
    """

    title: str
    size: Size
    architecture: str = "sqs"
    rate: float | None = None
    times_ministack: bool = False
    baseline: Starter | None = None


class Lap(NamedTuple):
    """A batch on an engine, the CPU that the engine used, and the share of a core that the other one used then."""

    run: Run
    cpu: Cpu
    others_share: float


def races_of(plan: Plan, baselines: Baselines) -> list[Race]:
    """The races in their order."""
    items, large = Size(plan.items, ITEMS_PER_CHUNK), Size(plan.large, ITEMS_PER_CHUNK)
    found = [
        Race(f"baseline, {plan.items:,} items", items, baseline=baselines.in_batches),
        Race(f"one-by-one baseline, {plan.items:,} items", items, baseline=baselines.one_by_one),
        Race(f"SQS, {plan.items:,} items", items, times_ministack=True),
        Race(f"SQS, {plan.large:,} items", large, times_ministack=True),
        Race(f"Step Functions, {plan.sfn_items:,} items", Size(plan.sfn_items, ITEMS_PER_CHUNK), "sfn", SFN_RATE),
    ]
    if plan.children:
        found.append(Race(f"Step Functions, {plan.children:,} children", Size(plan.children, 1), "sfn"))
    if plan.million:
        found.append(Race("SQS, 1,000,000 items, 500 a chunk", MILLION, rate=MILLION_RATE))
    return found


def measure_batches(
    contestants: Sequence[Contestant], baselines: Baselines, plan: Plan, progress: Progress
) -> list[Figure]:
    """Run every batch of the plan, on engines that are warm. Raises Problem."""
    races = races_of(plan, baselines)
    # Of each race, each engine's lap of each round.
    laps: list[list[list[Lap]]] = [[[] for _ in racing(race, contestants)] for race in races]
    lags: list[list[float]] = [[] for _ in contestants]
    for number in range(1, plan.rounds + 1):
        tell = prefixed(progress, number, plan.rounds)
        for race, of_race in zip(races, laps, strict=True):
            for theirs, contestant in zip(of_race, racing(race, contestants), strict=True):
                others = [each for each in contestants if each is not contestant]
                theirs.append(run_lap(contestant, others, race, tell))
        for all_lags, lag in zip(lags, short_lags(contestants, plan.short, tell), strict=True):
            all_lags.append(lag)
    in_batches, one_by_one, rollcall = ([lap.run.rate for lap in of_race[0]] for of_race in laps[:3])
    return [
        *(figure for race, of_race in zip(races, laps, strict=True) for figure in figures_of(race, of_race)),
        Figure("SQS : baseline", "x", ratios(rollcall, in_batches), TIMES_THE_BASELINE),
        Figure("SQS : one-by-one baseline", "x", ratios(rollcall, one_by_one)),
        both(f"lag, 95th percentile of {plan.short} batches of {SHORT:,} items", "s", lags, LAG_SECONDS),
        *idle(laps),
    ]


def racing(race: Race, contestants: Sequence[Contestant]) -> Sequence[Contestant]:
    """The engines that run this race."""
    return contestants[:1] if race.baseline else contestants


def run_lap(contestant: Contestant, others: Sequence[Contestant], race: Race, progress: Progress) -> Lap:
    """Run a batch on one engine, while the others are at rest. Raises Problem."""
    starter = race.baseline or contestant.starters[race.architecture]
    engines = [contestant.engine, *(each.engine for each in others)]
    wait_until_at_rest(engines)
    before, *others_before = [engine.cpu() for engine in engines]
    run = run_batch(contestant.connection, starter, race.size, lambda line: progress(f"{contestant.name}, {line}"))
    used = [sum(engine.cpu().since(then)) for engine, then in zip(engines[1:], others_before, strict=True)]
    # What it does after the event, such as ending its invocations, belongs to the batch.
    wait_until_at_rest(engines)
    return Lap(run, contestant.engine.cpu().since(before), sum(used) / run.seconds)


def wait_until_at_rest(engines: Sequence[Engine]) -> None:
    """Wait until no engine does anything for its last batch, at most AT_REST_PATIENCE seconds."""
    give_up = time.monotonic() + AT_REST_PATIENCE
    at_rest = False
    while not at_rest and time.monotonic() < give_up:
        before, began = [engine.cpu() for engine in engines], time.monotonic()
        time.sleep(AT_REST_LOOK)
        elapsed = time.monotonic() - began
        used = [sum(engine.cpu().since(then)) for engine, then in zip(engines, before, strict=True)]
        at_rest = max(used) <= AT_REST_SHARE * elapsed


def short_lags(contestants: Sequence[Contestant], times: int, progress: Progress) -> list[float]:
    """The 95th percentile of the completion lags of so many short batches, which the engines run in turns."""
    lags: list[list[float]] = [[] for _ in contestants]
    for number in range(1, times + 1):
        progress(f"short batch {number} of {times}")
        for found, each in zip(lags, contestants, strict=True):
            wait_until_at_rest([each.engine for each in contestants])
            run = run_batch(each.connection, each.starters["sqs"], Size(SHORT, ITEMS_PER_CHUNK), lambda _: None)
            found.extend([run.lag] if run.lag is not None else [])
    return [percentile(theirs, 95) for theirs in lags]


def prefixed(progress: Progress, number: int, rounds: int) -> Progress:
    """Progress with the number of the round in front, if there are several."""
    return progress if rounds == 1 else lambda line: progress(f"round {number} of {rounds}, {line}")


def figures_of(race: Race, laps: Sequence[Sequence[Lap]]) -> list[Figure]:
    """The rate from the start to the arrival of the event, the CPU beside it, the lag, and the goals against MiniStack.

    The CPU tells what bounds the rate: where its seconds are the batch's times the cores, it is the CPU.
    """

    def of_all(name: str, unit: str, value: Callable[[Lap], float], goal: float | None = None) -> Figure:
        return both(f"{race.title}{name}", unit, [[value(lap) for lap in theirs] for theirs in laps], goal)

    rate = of_all("", "items/s", lambda lap: lap.run.rate, race.rate)
    found = [
        rate,
        of_all(": engine's CPU", "s", lambda lap: lap.cpu.engine),
        of_all(": functions' CPU", "s", lambda lap: lap.cpu.functions),
    ]
    if not race.baseline and all(lap.run.lag is not None for theirs in laps for lap in theirs):
        found.append(of_all(": lag", "s", lambda lap: lap.run.lag or 0))
    if race.times_ministack and rate.ratios:
        found += [Figure(f"{race.title}: {name}", "x", rate.ratios, times) for name, times in TIMES_MINISTACK.items()]
    return found


def idle(laps: Iterable[Sequence[Sequence[Lap]]]) -> list[Figure]:
    """The largest share of a core that each engine used while the other one ran a batch; none for one alone."""
    pairs = [theirs for theirs in laps if len(theirs) > 1]
    if not pairs:
        return []
    shares = [[100 * max(lap.others_share for theirs in pairs for lap in theirs[other])] for other in (1, 0)]
    return [both("share of a core, while the other engine runs a batch", "%", shares)]
