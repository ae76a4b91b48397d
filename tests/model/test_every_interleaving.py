"""G1 to G5 in every interleaving of small cases: enumerated, not sampled."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from handlers.sqs.batcher import Batcher
from tests.model.cases import BY_DEFAULT, BY_NIGHT, ONE_CHUNK, TWO_CHUNKS, Case, enumerated
from tests.model.enumeration import Enumeration, State
from tests.model.guarantees import Violation, demand
from tests.model.lambdas import nothing

# The timer cannot be received before time passes.
LATER = 300
PROMPT = {
    "one chunk": Case(replace(ONE_CHUNK, check_interval=LATER), finalizers=2),
    "two chunks": Case(replace(TWO_CHUNKS, check_interval=LATER), finalizers=2),
    "two segments, two batchers": Case(replace(TWO_CHUNKS, check_interval=LATER, chunks_per_segment=1), batchers=2),
}


@pytest.mark.parametrize("name", [*BY_DEFAULT, *BY_NIGHT])
def test_every_interleaving_of(name: str, nightly: bool, report: Callable[[str], None]):
    if name in BY_NIGHT and not nightly:
        pytest.skip("with ROLLCALL_MODEL=nightly")
    explored = enumerated((BY_DEFAULT | BY_NIGHT)[name])
    report(f"{name}: {explored.states:,} states, {explored.transitions:,} steps, {dict(explored.endings)}")
    # It is no proof when nothing has happened.
    assert explored.states > 1_000
    assert explored.endings


@pytest.fixture
def _no_end_waits_for_the_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    later = Enumeration._later

    def told_before(self: Enumeration, state: State) -> Any:
        guarantees = state.world.guarantees
        demand(guarantees.finished.keys() >= guarantees.inputs.keys(), "G2", "a batch waits for its timer")
        return later(self, state)

    monkeypatch.setattr(Enumeration, "_later", told_before)


@pytest.mark.usefixtures("_no_end_waits_for_the_timer")
@pytest.mark.parametrize("name", PROMPT)
def test_while_nothing_goes_wrong_no_end_waits_for_the_timer(name: str, report: Callable[[str], None]):
    explored = enumerated(PROMPT[name])
    report(f"no timer, {name}: {explored.states:,} states, {explored.transitions:,} steps, {dict(explored.endings)}")
    assert explored.states > 100
    assert explored.endings


@pytest.mark.usefixtures("_no_end_waits_for_the_timer")
def test_a_batcher_that_never_nudges_leaves_an_end_to_the_timer():
    with mock.patch.object(Batcher, "nudge", nothing), pytest.raises(Violation, match="waits for its timer"):
        enumerated(PROMPT["one chunk"])
