"""What a redrive of the Step Functions architecture reads of the generation before, and until when."""

import time
from dataclasses import replace

import pytest

from handlers.core.batch import BatchRequest
from handlers.core.clock import Clock
from handlers.core.files.unreadable import NOT_READ, ReadableItems
from handlers.sfn.map_runs import PROOF_SECONDS, CountsDoNotAddUp, MapRuns, OutOfTime
from handlers.sfn.redrive import finished_chunks, items_of
from handlers.sfn.start import DAY_MS, REDRIVE_WITHIN_DAYS, Execution, RequestRefused, Starter, parse_request
from handlers.sfn.store import Part
from tests.unit.sfn_world import BUCKET, S3, States, Time, chunk, made, objects, started

NOW = 100 * DAY_MS


def ended_batch(s3: S3, at: int, generation: int = 1, chunks: bool = True) -> None:
    started(s3, at, generation)
    if chunks:
        objects(s3, generation).put_made(made(10))
    objects(s3, generation).put_ending({"failed": 1, "remaining": 0, "chunks": 10}, 0)


def redriven(s3: S3, generation: int = 1, now: int = NOW) -> None:
    starter = Starter(s3, BUCKET, lambda asked: parse_request(asked, {}))
    asked = {"redrive": {"batchId": "b", "generation": generation}, "items": None}
    starter.start(asked, Execution(f"redrive at {now}", "name", now))


def test_what_is_too_old_is_not_redriven_and_says_after_how_many_days():
    s3 = S3()
    ended_batch(s3, NOW - REDRIVE_WITHIN_DAYS * DAY_MS)
    with pytest.raises(RequestRefused, match=r"too old, .* 20 days are allowed"):
        redriven(s3, now=NOW + 1)
    redriven(s3)


def test_a_generation_that_made_no_chunks_is_as_old_as_the_one_whose_chunks_its_redrive_reads():
    s3 = S3()
    ended_batch(s3, NOW - REDRIVE_WITHIN_DAYS * DAY_MS - 1)
    ended_batch(s3, NOW - DAY_MS, generation=2, chunks=False)
    with pytest.raises(RequestRefused, match="generation 2: too old"):
        redriven(s3, generation=2)
    objects(s3, 2).put_made(made(10))
    redriven(s3, generation=2)


def test_a_generation_whose_input_broke_off_is_as_old_as_itself_and_its_redrive_breaks_off_too():
    s3 = S3()
    ended_batch(s3, NOW - REDRIVE_WITHIN_DAYS * DAY_MS - 1)
    ended_batch(s3, NOW - DAY_MS, generation=2, chunks=False)
    objects(s3, 2).put_made(replace(made(10), reason=f"line 7; {NOT_READ}"))
    objects(s3, 2).put_failed(3, [{"item": {"id": str(number)}, "error": "no", "attempts": 1} for number in range(3)])
    redriven(s3, generation=2)
    for skip in range(4):
        items = ReadableItems(
            items_of(objects(s3, 3), BatchRequest(), MapRuns(States({"SUCCEEDED": []})), Clock(Time()), skip)
        )
        assert [item["id"] for item in items] == ["0", "1", "2"][skip:]
        assert items.reason == f"line 7; {NOT_READ}"


def found(s3: S3, states: States, context: Time) -> set[int]:
    return finished_chunks(objects(s3), MapRuns(states), Clock(context))


class Pages(Time):
    """Time for so many calls."""

    def __init__(self, calls: int):
        super().__init__(900)
        self.calls = calls

    def get_remaining_time_in_millis(self) -> int:
        super().get_remaining_time_in_millis()
        return 900_000 if self.asked <= self.calls else 1_000


def test_a_redrive_whose_page_tokens_have_expired_lists_again_and_keeps_what_it_found():
    s3, states = S3(), States({"SUCCEEDED": [chunk(seq, 1) for seq in range(450)]})
    started(s3)
    with pytest.raises(OutOfTime):
        found(s3, states, Pages(250))
    described = states.described
    assert 200 <= described < 450
    assert objects(s3).find_finished_chunks(1, 1)
    states.expired = True

    class ThenValid(MapRuns):
        """A token that is given now is good again."""

        def children(self, map_run_arn, status, token, clock):
            if token is None:
                states.expired = False
            return super().children(map_run_arn, status, token, clock)

    assert finished_chunks(objects(s3), ThenValid(states), Clock(Time(900))) == set(range(450))


def test_a_chunk_that_is_done_and_not_listed_yet_is_looked_for_again_until_fifteen_minutes_are_over():
    s3, states = S3(), States({"SUCCEEDED": [chunk(seq, 1) for seq in range(250)]}, stopped_at=time.time())
    started(s3)
    for shown in (0, 240):
        states.shown["SUCCEEDED"] = shown
        with pytest.raises(CountsDoNotAddUp, match=f"250 children succeeded, and {shown} can be found"):
            found(s3, states, Time(900))
    states.shown["SUCCEEDED"] = 250
    assert found(s3, states, Time(900)) == set(range(250))

    s3, states.stopped_at, states.shown["SUCCEEDED"] = S3(), time.time() - PROOF_SECONDS - 1, 240
    started(s3)
    assert found(s3, states, Time(900)) == set(range(240))


def test_a_map_run_that_is_not_listed_yet_is_waited_for_if_items_succeeded(monkeypatch):
    s3, states = S3(), States({"SUCCEEDED": []})
    monkeypatch.setattr(states, "list_map_runs", lambda **_: {"mapRuns": []})
    started(s3)
    assert found(s3, states, Time(900)) == set()
    objects(s3).put_ending({"succeeded": 1}, 0)
    with pytest.raises(CountsDoNotAddUp, match="not listed yet"):
        found(s3, states, Time(900))


def test_a_page_that_cannot_be_described_in_time_hands_the_round_on_instead_of_dying():
    s3, states = S3(), States({"SUCCEEDED": [chunk(seq, 1) for seq in range(3_000)]})
    started(s3)
    rounds = 0
    while True:
        rounds += 1
        try:
            assert found(s3, states, Pages(700)) == set(range(3_000))
            break
        except OutOfTime:
            assert rounds < 20
    assert rounds > 2


def test_a_redrive_runs_the_chunk_of_a_child_again_that_aws_has_forgotten():
    long_ago = time.time() - PROOF_SECONDS - 1
    s3, states = S3(), States({"SUCCEEDED": [chunk(seq, 1) for seq in range(4)]}, stopped_at=long_ago)
    started(s3)
    states.forgotten = {"SUCCEEDED 2"}
    assert found(s3, states, Time(900)) == {0, 1, 3}


def test_a_redrive_runs_of_a_childs_chunks_those_that_no_child_has_finished():
    """Of two children in the first Map Run, and one in the second, which took up what the first had left."""
    left = [chunk(0, 1), chunk(1, 1) | {"outcome": "LEFT"}], [chunk(2, 1) | {"outcome": "FAILED"}, chunk(3, 1)]
    s3, states = S3(), TwoRuns({"SUCCEEDED": list(left)}, {"SUCCEEDED": [[chunk(1, 1) | {"outcome": "LEFT"}]]})
    started(s3)
    objects(s3).put_made(replace(made(4), children=2, per_child=2))
    objects(s3).put_part(Part(2, 1, 1, 1))
    assert found(s3, states, Time(900)) == {0, 2, 3}
    states.runs = ["first"]
    assert found(s3, states, Time(900)) == {0, 2, 3}
    states.runs = []
    with pytest.raises(CountsDoNotAddUp, match="not listed yet"):
        found(s3, states, Time(900))


class TwoRuns(States):
    """An execution with two Map Runs."""

    def __init__(self, *children: dict):
        super().__init__(children[0], stopped_at=time.time() - PROOF_SECONDS - 1)
        self.children = dict(zip(("first", "second"), children, strict=True))
        self.runs = ["first", "second"]

    def describe_map_run(self, mapRunArn: str) -> dict:  # type: ignore[override]
        self.ended = self.children[mapRunArn]
        self.shown = {name: len(each) for name, each in self.ended.items()}
        return super().describe_map_run()
