"""Failed items in groups: what is one kind of error, what a pattern selects, and what a group tells."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.core.error_kinds import ErrorPattern, kind_of, line_of, pattern_of
from rollcall.batches import failure_groups
from rollcall.batches.failure_groups import FailureGroup, FailureSample, group, selected

# Texts of what errors, ids and patterns have in them.
PIECES = st.lists(
    st.sampled_from(["a", "b1", "7", "٣", "-", ".", "...", "*", "\\", " ", ": ", "é", "\n", "😀"]), max_size=12
)
TEXTS = PIECES.map("".join)


def failed(item_id: str, error: str, at: int | None = None) -> dict:
    return {"item": {"id": item_id}, "error": error, "attempts": 3, **({} if at is None else {"failedAt": at})}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ValueError: zip code 1234 is wrong", "ValueError: zip code 99999 is wrong"),
        ("HTTPError: 503 for /orders/8a6e-77", "HTTPError: 503 for /orders/91bc-78"),
        ("OSError: [Errno 5] at 0x7f32f55c4c80", "OSError: [Errno 5] at 0x7f32f520b910"),
        ("ClientError: request 3f2a9c1e-0000-4000-8000-123456789abc", "ClientError: request 5"),
    ],
)
def test_errors_that_differ_in_numbers_and_ids_only_are_one_kind(one: str, other: str) -> None:
    assert kind_of(one) == kind_of(other)


@pytest.mark.parametrize(
    ("one", "other"), [("KeyError: 'zip'", "KeyError: 'name'"), ("ValueError: no", "TypeError: no")]
)
def test_errors_that_differ_in_words_are_two(one: str, other: str) -> None:
    assert kind_of(one) != kind_of(other)


@pytest.mark.parametrize(
    ("item_id", "kind"),
    [
        ("anna", "RuntimeError: ... was made to fail, and ... only"),
        ("a", "RuntimeError: anna was made to fail, and anna only"),
        ("fail", "RuntimeError: anna was made to ..., and anna only"),
        ("", "RuntimeError: anna was made to fail, and anna only"),
    ],
)
def test_the_items_own_id_is_taken_out_where_it_stands_by_itself(item_id: str, kind: str) -> None:
    assert kind_of("RuntimeError: anna was made to fail, and anna only", item_id) == kind


def test_a_group_has_its_count_its_first_and_last_time_and_three_samples() -> None:
    failures = [
        failed(f"C{n}", f"ValueError: zip code {n}\n  work.py, line {n}, in process", 1000 + n) for n in range(9)
    ]
    failures.insert(4, failed("x", "KeyError: 'zip'"))
    large, small = group(failures)
    assert large == FailureGroup(
        "ValueError: zip code ...",
        "ValueError: zip code ...",
        count=9,
        first=1000,
        last=1008,
        samples=tuple(FailureSample(f"C{n}", failures[n]["error"]) for n in range(3)),
    )
    assert (small.error, small.count, small.first, small.last) == ("KeyError: 'zip'", 1, None, None)


def test_a_group_shows_its_whole_line_where_nothing_differs() -> None:
    [found] = group([failed("a1", "HTTPError: 503"), failed("a2", "HTTPError: 503")])
    assert (found.error, found.pattern) == ("HTTPError: 503", "HTTPError: ...")


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=8))
def test_a_groups_pattern_selects_its_items_and_no_others(errors: list[tuple[str, str]]) -> None:
    failures = [failed(item_id, error) for item_id, error in errors]
    groups = group(failures)
    assert sum(found.count for found in groups) == len(failures)
    for found in groups:
        chosen = list(selected(failures, found.pattern))
        assert len(chosen) == found.count
        assert [FailureSample(each["item"]["id"], each["error"]) for each in chosen][:3] == list(found.samples)


@given(TEXTS, TEXTS)
def test_a_line_with_a_number_selects_itself(error: str, item_id: str) -> None:
    line = line_of(error) + "9"
    assert ErrorPattern(pattern_of(line)).selects(line, item_id)


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("HTTPError: 503 for order 7", True),
        ("HTTPError: ... for order ...", True),
        ("HTTPError*", True),
        ("HTTPError: ... for *", True),
        ("HTTPError: 503 for order ...", False),
        ("*503*", True),
        ("*order 7", True),
        ("*", True),
        ("HTTP*order*", True),
        ("HTTPError", False),
        ("HTTPError: 404 for order 7", False),
        ("*order", False),
        ("*77*", False),
        ("HTTPError: 503 for order 7*7", False),
        ("HTTPError\\*", False),
        ("", False),
    ],
)
def test_a_pattern_is_a_whole_line_in_which_a_star_stands_for_any_text(pattern: str, fits: bool) -> None:
    assert ErrorPattern(pattern).selects("HTTPError: 503 for order 7\n  work.py, line 3, in process", "7") is fits


def test_kinds_beyond_a_bound_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure_groups, "MOST_GROUPS", 3)
    words = ["a", "b", "c", "d", "e", "f", "a"]
    found = group(failed(word, f"KeyError: '{word * 2}'") for word in words)
    assert [(each.count, each.pattern is None) for each in found] == [(3, True), (2, False), (1, False), (1, False)]


@pytest.mark.parametrize("piece", ["a", "a.", "-", "1-", "é", '"errorMessage":"', "X: {", "a ", "\\"])
def test_no_error_and_no_pattern_takes_longer_than_in_proportion_to_its_length(piece: str) -> None:
    def steps(length: int) -> float:
        error = f"X: {{{piece * length}"
        pattern = ErrorPattern(f"*{piece}" * length + "b")
        begin = time.process_time()
        pattern.selects(error, piece)
        return time.process_time() - begin

    # A step that tried again what it has tried would take hours for the second.
    assert steps(20_000) < 10


def test_a_hundred_thousand_failures_of_three_causes_are_three_rows_in_one_pass() -> None:
    causes = ("HTTPError: 503 from {} at 12:00:01", "KeyError: 'price of {}'", "ValueError: {} has no name")
    failures = (failed(f"item-{n}", causes[n % 3].format(f"item-{n}"), n) for n in range(100_000))
    found = group(failures)
    assert [row.count for row in found] == [33_334, 33_333, 33_333]
    assert all(len(row.samples) == 3 for row in found)
