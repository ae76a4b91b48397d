"""The chaos run's checker on histories written by hand: what must not be is found, what is all right is not."""

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.checker import done_for_good, judge, never_done
from tests.chaos.evidence import Announcement, Evidence, Line

SECOND = 1_000_000_000
ITEMS = ("a", "b", "c", "d")


def history(*told: tuple[str, dict[str, Any]]) -> tuple[Line, ...]:
    """Lines of kind and fields, one a second from 1 s on, by process `p` unless they say otherwise."""
    return tuple(
        Line(number, what, (number + 1) * SECOND, **{"process": "p", "batch": "x", "seq": 0, **fields})
        for number, (what, fields) in enumerate(told)
    )


def done(*items: str, **fields: Any) -> list[tuple[str, dict[str, Any]]]:
    """Each item begun and ended."""
    return [(what, {"item": item, **fields}) for item in items for what in ("begin", "end")]


def finished(at: float, **changes: Any) -> Announcement:
    """Batch Finished, accepted `at` seconds."""
    detail = {"batchId": "x", "generation": 1, "status": "SUCCEEDED", "items": 4, "succeeded": 4, "failed": 0}
    return Announcement(round(at * 1000), {**detail, "remaining": 0, **changes})


def evidence(*told: tuple[str, dict[str, Any]], **changes: Any) -> Evidence:
    """Four items, the event at 20 s unless it is given, due by 60 s."""
    lines = history(*told)
    found = Evidence("x", "sqs", ITEMS, deadline=50_000, due=60_000, lines=lines, published=(finished(20),))
    last_heard = {line.process: line.number for line in lines if line.what != "answer"}
    return replace(found, last_heard=last_heard, **changes)


def columns(of: Evidence) -> list[str]:
    """In which columns there is something, each once."""
    return list(dict.fromkeys(finding.column for finding in judge(of)))


CHUNK = ("chunk", {"items": ITEMS})
RECORDED = ("recorded", {"indexes": None})
PUBLISHING = ("publishing", {"seq": -1, "process": "f"})
NOTIFIED = ("notified", {"seq": -1, "process": "f"})


def test_a_batch_that_went_well_has_nothing_to_find():
    assert judge(evidence(CHUNK, *done(*ITEMS), RECORDED, PUBLISHING, NOTIFIED)) == []


def test_an_item_not_done_when_the_event_was_accepted_makes_it_early():
    assert columns(evidence(CHUNK, *done(*ITEMS), published=(finished(8.5),))) == ["early"]


def test_an_item_that_ended_in_the_very_millisecond_of_the_event_is_done():
    [*first, last] = evidence(CHUNK, *done(*ITEMS)).lines
    lines = (*first, replace(last, at=9 * SECOND + 999_999))
    assert judge(replace(evidence(), lines=lines, published=(finished(9),))) == []


def test_what_the_event_counts_as_remaining_need_not_be_done():
    event = finished(20, status="EXPIRED", succeeded=2, remaining=2)
    assert judge(evidence(CHUNK, *done("a", "b"), published=(event,))) == []


def test_an_item_begun_after_the_event_makes_it_early_even_where_items_remain():
    event = finished(5, status="CANCELLED", succeeded=2, remaining=2)
    assert columns(evidence(CHUNK, *done("a", "b"), *done("c"), published=(event,))) == ["early"]


def test_an_item_listed_as_failed_only_after_the_event_makes_it_early():
    of = evidence(CHUNK, *done("a", "b", "c"), ("begin", {"item": "d"}), ("raised", {"item": "d"}))
    assert columns(replace(of, failed=frozenset("d"))) == ["early"]
    event = finished(20, status="FAILED", succeeded=3, failed=1)
    assert judge(replace(of, failed=frozenset("d"), published=(event,))) == []


def test_no_event_is_silent():
    assert columns(evidence(CHUNK, *done(*ITEMS), published=())) == ["silent"]


def test_an_event_after_the_deadline_and_the_grace_is_silent():
    assert columns(evidence(CHUNK, *done(*ITEMS), published=(finished(61),))) == ["silent"]


def test_an_item_that_nobody_accounts_for_is_lost():
    assert columns(evidence(CHUNK, *done("a", "b", "c"))) == ["lost"]


def test_an_item_counted_as_failed_but_not_listed_is_lost():
    event = finished(20, status="FAILED", succeeded=3, failed=1)
    assert columns(evidence(CHUNK, *done("a", "b", "c"), published=(event,))) == ["lost"]


def test_an_event_that_counts_items_that_are_not_there_is_wrong():
    assert columns(evidence(CHUNK, *done(*ITEMS), published=(finished(20, items=5, succeeded=5),))) == ["lost"]


def test_items_beyond_what_was_read_of_an_input_are_not_lost_unless_it_was_read_to_its_end():
    event = finished(20, status="EXPIRED", items=3, succeeded=2, remaining=1)
    of = evidence(CHUNK, *done("a", "b"), published=(event,))
    assert columns(of) == ["lost"]
    assert judge(replace(of, read_whole=False)) == []


def test_two_events_that_differ_are_double():
    events = (finished(20), finished(21, succeeded=3, failed=1))
    assert "double" in columns(evidence(CHUNK, *done(*ITEMS), PUBLISHING, PUBLISHING, published=events))


def test_a_consumer_that_is_told_something_else_than_the_publisher_said_is_double():
    assert columns(evidence(CHUNK, *done(*ITEMS), heard=(finished(20, succeeded=3).detail,))) == ["double"]
    assert judge(evidence(CHUNK, *done(*ITEMS), heard=(finished(20).detail,) * 2)) == []


def test_a_repeat_is_double_unless_its_first_publisher_died_before_it_had_recorded_it():
    twice = (finished(20), finished(25))
    again = ("publishing", {"seq": -1, "process": "g"})
    assert judge(evidence(CHUNK, *done(*ITEMS), PUBLISHING, again, published=twice)) == []
    assert columns(evidence(CHUNK, *done(*ITEMS), PUBLISHING, NOTIFIED, again, published=twice)) == ["double"]


def test_more_events_than_announcements_are_double_unless_an_answer_was_lost():
    of = evidence(CHUNK, *done(*ITEMS), PUBLISHING, NOTIFIED, published=(finished(20), finished(20)))
    assert columns(of) == ["double"]
    assert judge(replace(of, lost_answers=1)) == []


@pytest.mark.parametrize("recorded", [{"indexes": None}, {"indexes": (0, 1)}])
def test_an_item_begun_after_it_was_recorded_as_done_is_repeated(recorded):
    of = evidence(CHUNK, *done(*ITEMS), ("recorded", recorded), *done("a", process="q"))
    assert columns(of) == ["repeated"]


def test_an_item_that_was_not_recorded_as_done_may_be_done_again():
    recorded = ("recorded", {"indexes": (1, 2, 3)})
    assert judge(evidence(CHUNK, *done(*ITEMS), recorded, CHUNK, *done("a", process="q"))) == []


def test_an_item_begun_while_a_living_process_is_at_it_is_repeated():
    of = evidence(CHUNK, ("begin", {"item": "a"}), *done("a", process="q"), *done(*ITEMS))
    assert "repeated" in columns(of)
    dead = evidence(CHUNK, ("begin", {"item": "a"}), *done(*ITEMS, process="q"))
    assert judge(dead) == []


INVOKED = ("invoked", {"items": ITEMS})
ANSWER = ("answer", {"items": ITEMS})


def test_an_answer_that_was_taken_records_its_items_as_done():
    again = [("invoked", {"items": ITEMS, "process": "q"}), *done("a", process="q")]
    served_another = ("invoked", {"items": ("e",), "seq": 1})
    assert columns(evidence(INVOKED, *done(*ITEMS), ANSWER, *again, served_another)) == ["repeated"]
    assert judge(evidence(INVOKED, *done(*ITEMS), ANSWER, *again)) == []


def test_an_answer_that_was_lost_on_its_way_records_nothing():
    again = [("invoked", {"items": ITEMS, "process": "q"}), *done("a", process="q")]
    of = evidence(INVOKED, *done(*ITEMS), ANSWER, *again, ("invoked", {"items": ("e",), "seq": 1}))
    assert judge(replace(of, lost_invokes=1)) == []
    other_items = [("invoked", {"items": ("a", "b"), "process": "q"}), *done("a", process="q")]
    of = evidence(INVOKED, *done(*ITEMS), ANSWER, *other_items, ("invoked", {"items": ("e",), "seq": 1}))
    assert columns(replace(of, lost_invokes=1)) == ["repeated"]


def test_a_redrive_has_to_run_what_failed_and_what_was_not_done():
    of = evidence(CHUNK, *done("a", "b"), ("begin", {"item": "c"}), ("raised", {"item": "c"}))
    assert never_done(replace(of, failed=frozenset("bc"))) == ("b", "c", "d")


def test_a_redrive_must_not_run_what_was_recorded_as_done():
    first = evidence(CHUNK, *done(*ITEMS), RECORDED, failed=frozenset("d"))
    assert done_for_good(first) == {"a", "b", "c"}
    assert done_for_good(evidence(CHUNK, *done("a", "b"), ("recorded", {"indexes": (0,)}))) == {"a"}
    second = replace(evidence(CHUNK, *done("a", "d")), generation=2)
    second = replace(second, done_before=done_for_good(first), items=("d",))
    assert columns(second) == ["repeated"]
