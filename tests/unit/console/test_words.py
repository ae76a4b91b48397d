"""The answer in words, in each state of a batch."""

from dataclasses import replace

import pytest

from rollcall.batches.batch import Progress, Result
from rollcall.batches.sight import Children, Counts, Key, Map, Sight
from rollcall.console import words
from rollcall.console.estimate import Range
from rollcall.console.history import Point

NOON = 1_790_000_000_000
COUNTS = Counts(10, 0, 5, 85, 0)


def sight(seen: Progress | Result, counts: Counts = COUNTS, sealed: bool = True) -> Sight:
    return Sight(Key("sqs", "b"), NOON, seen, counts, Map(), 10, sealed=sealed, drained_at=NOON - 300)


def running(stage: str = "processing", trouble: str | None = None) -> Progress:
    return Progress(stage, 100, 10, 0, trouble=trouble)


def ended(status: str, **more: int) -> Result:
    return Result("b", "sqs", status, items=100, finished_at="2026-09-21T14:13:20.000Z", **more)


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (Range(0.2, 3.1), "within 4 s"),
        (Range(4.2, 6.9), "in 4 to 7 s"),
        (Range(41, 53), "in 40 to 55 s"),
        (Range(41, 171), "in 40 s to 3 min"),
        (Range(125, 171), "in 2 to 3 min"),
        (Range(3600 * 5.1, 3600 * 5.9), "in 5 to 6 h"),
        (Range(86_400 * 2, 86_400 * 2), "in about 2 d"),
    ],
)
def test_a_range_is_rounded_outwards(span: Range, said: str):
    assert words.in_words(span) == said


def test_a_running_batch_answers_with_a_range_or_says_what_is_not_known():
    assert words.headline(sight(running()), Range(125, 171), []) == "The last item will be done in 2 to 3 min"
    assert words.headline(sight(running()), None, []) == "No rate is known yet"
    unknown = sight(running("forming chunks"), Counts(10, 0, 0, 90, None), sealed=False)
    assert words.headline(unknown, Range(1, 2), []) == "How many items there are is not known yet: 100 items so far"


def test_a_batch_that_stands_does_not_promise_an_end():
    points = [Point(NOON - at, 10, 0, 5, 85, 0) for at in (30_000, 20_000, 10_000, 0)]
    assert words.headline(sight(running()), Range(1, 2), points) == "Nothing has been done for 30.0 s"
    assert "TimedOut" in words.headline(sight(running(trouble="its execution is TimedOut")), None, [])


def test_a_pause_that_is_usual_between_the_ends_of_children_is_no_standstill():
    finished = (0, 0, 0, 500, 500, 500, 1000, 1000, 1000, 1000)
    points = [Point(NOON + 10_000 * number, done, 0, 500, 0, 0) for number, done in enumerate(finished)]
    assert words.still_for(points[:3], NOON + 20_000) == 20
    assert words.still_for(points, NOON + 90_000) is None
    assert words.still_for(points, NOON + 120_000) == 60


def test_children_with_several_chunks_are_said_to_end_not_to_do_nothing():
    points = [Point(NOON - at, 10, 0, 5, 85, 0) for at in (30_000, 20_000, 10_000, 0)]
    steps = replace(sight(running()), chunks=Map(counted=(("working", 9),), children=Children(3, 3, 0)))
    assert words.headline(steps, Range(1, 2), points) == "No child execution has ended for 30.0 s"


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (ended("SUCCEEDED", succeeded=100), "Done at "),
        (ended("FAILED", failed=24), ": 24 items failed, 24 %"),
        (ended("EXPIRED", remaining=7), ": 7 items remain"),
        (ended("CANCELLED", remaining=1), ": 1 item remain"),
        (ended("SKIPPED"), "Skipped at "),
    ],
)
def test_a_batch_that_has_ended_says_when_and_how(result: Result, said: str):
    assert said in words.headline(sight(result), None, [])
    assert words.stage(sight(result)) == result.status


def test_the_lag_is_that_of_the_event_or_else_of_the_record():
    assert words.lag(sight(ended("SUCCEEDED")), NOON - 210) == "event 0.090 s later"
    assert words.lag(sight(ended("SUCCEEDED")), None).startswith("recorded ")
    unknown = replace(sight(ended("SUCCEEDED")), drained_at=None)
    assert unknown.finished_at
    assert words.lag(unknown, unknown.finished_at + 40) == "event 0.040 s after its end was recorded"
    assert words.lag(unknown, None) == ""


def test_a_countdown_and_a_moment():
    assert words.countdown(5 * 3600 + 187) == "5:03:07"
    assert words.countdown(2 * 86_400 + 1) == "2 d 0:00:01"
    assert len(words.moment(NOON, NOON, exact=True)) == len("14:03:12.417")
    assert words.moment(NOON - 3 * 86_400_000, NOON).count("-") == 2
