"""The range in which a batch will be done: it knows nothing too early, and is wide where the rates differ."""

from rollcall.console.estimate import Range, ending_range, rate_now
from rollcall.console.history import Point


def points(*finished: int, total: int = 1000, working: int = 0, every_ms: int = 1000) -> list[Point]:
    return [
        Point(number * every_ms, done, 0, working, total - done - working, 0) for number, done in enumerate(finished)
    ]


def test_nothing_is_known_before_there_is_a_rate():
    assert ending_range([]) is None
    assert ending_range(points(0, 100)) is None
    assert ending_range(points(0, 0, 0, 0)) is None
    assert rate_now([]) is None
    assert rate_now(points(0, 50, 100, 150)) == 50


def test_at_a_steady_rate_the_range_has_what_is_left_divided_by_it():
    span = ending_range(points(*range(0, 600, 100), total=6000))
    assert span
    assert span.low < 5500 / 100 < span.high
    assert span.high < 3 * span.low


def test_a_batch_that_slows_down_has_a_wide_range():
    steady, slower = (
        points(*range(0, 600, 50), total=2000),
        points(*range(0, 500, 100), *range(510, 560, 5), total=2000),
    )
    assert width(ending_range(slower)) > 3 * width(ending_range(steady))


def test_the_last_items_take_as_long_as_a_chunk():
    few, many = (ending_range(points(*range(0, 600, 100), working=working)) for working in (10, 400))
    assert few
    assert many
    assert many.high - few.high > 2


def width(span: Range | None) -> float:
    assert span
    return span.high - span.low


def test_where_items_fail_the_end_may_wait_for_the_last_attempts():
    seen = points(*range(0, 600, 100))
    without, waiting = ending_range(seen), ending_range(seen, waits=60.0)
    assert without
    assert waiting
    assert waiting == without._replace(high=without.high + 60)


def test_the_end_lies_in_the_range_just_before_children_end_together():
    # Two children at a time, each of 500 items, that end together every five seconds. The last two are about to end.
    seen = [Point(1000 * second, 1000 * (second // 5), 0, 1000, 0, 0) for second in range(15)]
    span = ending_range(seen)
    assert span
    assert span.low < 0.5 < span.high
