"""A little chaos: Rollcall comes through it, and the obvious implementation does not. `make chaos` runs much more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.state import Sandbox
from tests.chaos.checker import COLUMNS
from tests.chaos.naive import NaiveStage
from tests.chaos.outcome import Outcome
from tests.chaos.report import found
from tests.chaos.rounds import Round
from tests.chaos.stage import Stage
from tests.clock import Clock
from tests.e2e.engines import native_engine
from tests.faults import Faults

BATCHES = 6


@pytest.fixture(scope="module")
def own_engine(pytestconfig: pytest.Config, engine: str) -> Iterator[Sandbox]:
    """An engine of its own, because faults are for all who use it."""
    if engine != "native":
        pytest.skip("the witness's log is a file that all processes of the functions share")
    with native_engine() as started:
        Clock(started.endpoint).skip(pytestconfig.getoption("--clock") == "skip")
        yield started


def run(stage: Stage, seeds: tuple[int, ...]) -> list[Outcome]:
    """A round of each seed, each judged by all that was seen in the end."""
    faults = Faults(stage.session.client("sqs").meta.endpoint_url)
    outcomes = [Round(stage, faults, seed, BATCHES).run() for seed in seeds]
    for outcome in outcomes:
        outcome.reconsider(stage)
        assert outcome.injected, f"seed {outcome.seed}: no fault was injected"
    return outcomes


def test_every_batch_ends_once_with_nothing_early_lost_or_repeated_whatever_fails(own_engine: Sandbox, tmp_path: Path):
    with Stage(own_engine.endpoint, tmp_path, "Chaos") as stage:
        outcomes = run(stage, seeds=(4, 59))
    assert [text for outcome in outcomes for text in outcome.texts()] == []


def test_the_obvious_implementation_is_caught_in_every_round(own_engine: Sandbox, tmp_path: Path):
    with NaiveStage(own_engine.endpoint, tmp_path, "Naive") as stage:
        outcomes = run(stage, seeds=(3,))
    for outcome in outcomes:
        assert sum(found([outcome])[column] for column in COLUMNS), f"seed {outcome.seed}: nothing was found"
