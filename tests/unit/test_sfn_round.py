"""The rounds of a child execution: one bad item costs one item, whatever it does, and each round gets on."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.stacks import DEFINITION
from handlers.sfn.round import ERRORS_BYTES, Round
from tests.unit.one_bad_item import CHUNKS, FunctionDied, Work

# As in the state machine's definition.
MOST_DEATHS = 3


def child(work: Work, attempts: int) -> dict:
    """A child execution, as the definition goes on from answer to answer; returns the failure recorder's input."""
    batch = {"batchId": "b", "generation": 1, "itemConcurrency": 10, "maxAttempts": attempts}
    chunk = {"seq": 0, "items": work.items()}
    state = {"batch": batch, "chunk": chunk, "attempt": 1, "died": {"count": 0}, "final": {"items": [], "errors": []}}
    while True:
        work.invocations += 1
        this = Round(json.loads(json.dumps(state)))
        try:
            this.work(work.run)
        except FunctionDied:
            state |= {"error": {"Error": "Runtime.ExitError", "Cause": '{"errorMessage": "signal: killed"}'}}
            state["died"] = {"count": state["died"]["count"] + 1}
            assert state["died"]["count"] < MOST_DEATHS
            continue
        state = this.answer()
        if state["outcome"] in ("DONE", "FAILED"):
            return state


@given(kinds=CHUNKS, attempts=st.integers(1, 3))
def test_one_bad_item_costs_one_item(kinds, attempts):
    work = Work(kinds)
    ended = child(work, attempts)
    failed = {} if ended["outcome"] == "DONE" else {
        item["id"]: error
        for item, error in zip(
            ended["chunk"]["items"] + ended["final"]["items"], ended["failures"] + ended["final"]["errors"], strict=True
        )
    }  # fmt: skip
    work.assert_only_the_bad_have_failed(failed, attempts)
    # Each round ends an item, finds suspects, or names a culprit.
    assert work.invocations <= attempts * (3 * len(kinds) + 2)


def test_the_definition_takes_more_deaths_in_a_row_than_an_item_is_named_by_for_an_attempt():
    assert f'"Variable": "$.died.count", "NumericLessThan": {MOST_DEATHS}' in DEFINITION.read_text()


@pytest.mark.parametrize("count", [1, 100])
def test_the_errors_of_a_chunk_stay_within_their_share_of_a_states_output(count):
    work = Work(["always"] * count)
    work.process = lambda index, item, found: found.failed.update({index: '"' * 100_000})  # type: ignore[method-assign]
    ended = child(work, 2)
    said = json.dumps(ended["failures"], separators=(",", ":"), ensure_ascii=False)
    assert len(said.encode()) <= ERRORS_BYTES + len("[]")


def test_an_execution_goes_on_with_the_definition_that_it_had_before_a_deployment():
    batch = {"batchId": "b", "generation": 1, "itemConcurrency": 10, "maxAttempts": 1}
    work = Work(["good", "always"])
    this = Round({"batch": batch, "chunk": {"seq": 0, "items": work.items()}, "attempt": 1})
    this.work(work.run)
    assert this.answer()["failures"] == ["it is always"]
