"""The pace without a clock, and whole batches against an API that refuses."""

from pathlib import Path
from typing import Any

import pytest
from api import Api
from pace import Pace

from handlers import Permanent

ITEMS = Path(__file__).parents[1] / "items.csv"


def test_requests_are_as_far_apart_as_the_api_allows() -> None:
    time, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time[0] += seconds

    pace = Pace(4, now=lambda: time[0], sleep=sleep)
    for _ in range(4):
        pace.wait()
    time[0] += 60
    pace.wait()
    assert slept == [0, 0.25, 0.25, 0.25, 0]


def test_a_wrong_key_is_not_tried_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from work import process

    monkeypatch.setenv("API_KEY", "wrong")
    with pytest.raises(Permanent, match="the API answers 401"):
        process({"id": "apple"})


def test_every_item_gets_its_price_although_the_api_refuses_first(api: Api, run_batch: Any) -> None:
    result, processed, failures = run_batch(ITEMS, items_per_chunk=2, tolerated_failure_percentage=30)
    assert (result.status, result.succeeded) == ("SUCCEEDED", 3)
    assert processed == {"apple": {"cents": 30}, "banana": {"cents": 20}, "cherry": {"cents": 500}}
    assert failures == {"no such fruit": "Permanent: the API answers 404 Not Found"}
    assert api.requests == {"apple": 2, "banana": 2, "cherry": 2}
