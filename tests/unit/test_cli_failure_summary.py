"""Why a batch FAILED: the share of failed items, and their most frequent errors."""

import io
from collections.abc import Iterator
from typing import Any

import pytest

from handlers.core.batch import BatchRequest
from handlers.core.error_kinds import first_line
from rollcall.batches import failure_summary as summaries
from rollcall.batches.batch import OneBatch, Result
from rollcall.batches.failure_groups import FailureGroup, FailureSample, brief, place_in
from rollcall.batches.failure_summary import FailureSummary, failure_summary, percent
from rollcall.terminal import console
from rollcall.terminal.console import PlainConsole
from rollcall.views import summary
from rollcall.views.summary import Details, print_summary

PLACED = "KeyError: 'zip'\n  work.py, line 12, in process\n  helpers.py, line 3, in look_up"


class Failed:
    """A batch of which items have failed with these errors. Their ids are C00001 and so on."""

    architecture = "sqs"

    def __init__(self, *errors: str, tolerated: float = 0) -> None:
        self.errors = errors
        self.tolerated = tolerated
        self.read = 0

    def failed_items(self, batch_id: str, generation: int = 1) -> Iterator[dict[str, Any]]:
        for number, error in enumerate(self.errors, 1):
            self.read += 1
            yield {"item": {"id": f"C{number:05}"}, "error": error, "attempts": 1}

    def request(self, batch_id: str) -> BatchRequest:
        return BatchRequest(tolerated_failure_percentage=self.tolerated)


def summed_up(batches: Failed, **result: Any) -> FailureSummary:
    failed = len(batches.errors)
    ended = Result("b-1", "sqs", **{"status": "FAILED", "items": 1000, "failed": failed, **result})
    return failure_summary(OneBatch(batches, "b-1"), ended)  # type: ignore[arg-type]


def test_a_failed_summary_has_the_share_and_the_three_most_frequent_errors() -> None:
    errors = ["HTTPError: 503"] * 6 + [f"ValueError: zip code {n}" for n in range(15)] + ["A: a"] * 2 + ["B: b"]
    summed = summed_up(Failed(*errors))
    assert summed.why == "24 of 1,000 items failed (2.4 %), 0 % is tolerated"
    assert summed.lines(failed=24) == [
        "15 x ValueError: zip code ...  (item C00007, ...)",
        " 6 x HTTPError: 503  (item C00001, ...)",
        " 2 x A: a  (item C00022, ...)",
        " 1 with other errors",
    ]
    known = summed.to_json()
    for group in known["errors"]:
        del group["samples"][2:]
    assert known == {
        "errors": [
            told("ValueError: zip code ...", 15, "C00007 ValueError: zip code 0", "C00008 ValueError: zip code 1"),
            told("HTTPError: 503", 6, "C00001 HTTPError: 503", "C00002 HTTPError: 503", kind="HTTPError: ..."),
            told("A: a", 2, "C00022 A: a", "C00023 A: a"),
        ],
        "failedItemsRead": 24,
    }


def told(error: str, count: int, *samples: str, kind: str | None = None) -> dict[str, Any]:
    """A group as `--json` prints it, with the first two of its samples."""
    first = [dict(zip(("id", "error"), sample.split(" ", 1), strict=True)) for sample in samples]
    return {"error": error, "count": count, "first": None, "last": None, "pattern": kind or error, "samples": first}


@pytest.mark.parametrize(
    "result",
    [{"status": "SUCCEEDED"}, {"status": "FAILED", "reason": "its input broke off"}, {"status": "EXPIRED"}],
    ids=str,
)
def test_a_batch_that_did_not_fail_of_its_items_needs_no_such_sentence(result: dict[str, Any]) -> None:
    summed = summed_up(Failed("A: a", tolerated=5), **result)
    assert (summed.why, len(summed.groups)) == (None, 1)


def test_what_is_tolerated_is_told() -> None:
    assert summed_up(Failed("A: a", tolerated=0.05)).why == "1 of 1,000 items failed (0.1 %), 0.05 % is tolerated"


def test_of_many_failed_items_only_the_first_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summaries, "MOST_ITEMS", 10)
    batches = Failed(*["A: a"] * 25)
    assert summed_up(batches).lines(failed=25) == ["10 x A: a  (item C00001, ...)", "of the first 10 failed items"]
    assert batches.read == 10


def test_slow_answers_end_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(100))
    monkeypatch.setattr(summaries.time, "monotonic", lambda: next(now))
    batches = Failed(*["A: a"] * 25)
    assert summed_up(batches).read == batches.read == 2


@pytest.mark.parametrize(
    ("share", "text"), [(0.024, "2.4 %"), (1, "100 %"), (0.9999, "99.9 %"), (0.000031, "0.0031 %"), (1 / 3, "33.3 %")]
)
def test_shares(share: float, text: str) -> None:
    assert percent(share) == text


def test_an_error_with_places_is_told_in_a_line_with_the_innermost() -> None:
    assert first_line(PLACED) == "KeyError: 'zip'"
    assert place_in(PLACED) == "helpers.py, line 3, in look_up"
    assert brief(PLACED) == "KeyError: 'zip'  (helpers.py, line 3, in look_up)"
    assert brief("ValueError: no") == "ValueError: no"
    assert brief("") == ""
    assert brief("ValueError: two lines\n  the second is no place") == "ValueError: two lines"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (
            'Runtime.ImportModuleError: {"errorMessage":"Unable to import module \'a\'","errorType":"x"}',
            "Runtime.ImportModuleError: Unable to import module 'a'",
        ),
        (
            'Sandbox.Timedout: {"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 8-a Error: Task timed out"}',
            "Sandbox.Timedout: Task timed out",
        ),
        ('KeyError: {"errorMessage": 3}', 'KeyError: {"errorMessage": 3}'),
    ],
)
def test_an_error_of_lambda_is_told_without_its_json(told: str, shown: str) -> None:
    assert first_line(told) == shown


def test_a_summary_of_long_reasons_and_errors_fits_80_columns_and_loses_no_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = io.StringIO()
    for module in (console, summary):
        monkeypatch.setattr(module, "stdout", PlainConsole(file=file, width=80, highlight=False))
    reason = "no invocation of the processor has ever started: " + "ModuleNotFoundError: No module named 'pandas'; " * 4
    error = "ValueError: " + "word " * 30 + "end"
    groups = (FailureGroup(error, error, 12, None, None, (FailureSample("C00001", error),)),)
    result = Result("b-1", "sqs", "FAILED", items=13, succeeded=1, failed=12, remaining=0, reason=reason)
    print_summary(result, Details(FailureSummary(groups, 12), results="s3://" + "long-bucket-name" * 5))
    lines = file.getvalue().splitlines()
    assert max(len(line) for line in lines if "s3://" not in line) <= 80
    text = " ".join(file.getvalue().split())
    assert " ".join(reason.split()) in text
    assert "12 x ValueError: word word" in text
    assert "end (item C00001, ...)" in text
    assert "s3://" + "long-bucket-name" * 5 in text
