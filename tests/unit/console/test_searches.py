"""Searches of pages: each is made once, says how far it is, and ends with a study or with an error."""

from collections.abc import Callable

from costs.facts.figures import Assumptions, Quotas
from costs.facts.prices import PriceBook
from costs.plan.distribution import Distribution
from costs.plan.plan import Planner
from costs.plan.settings import Workload
from costs.tune.search import SearchRequest
from costs.tune.space import Space
from rollcall.console.searches import Search, Searches
from tests.probes import eventually


def within(deadline: float, made: list[float]) -> Callable[[Callable[[str], None]], SearchRequest]:
    def make(say: Callable[[str], None]) -> SearchRequest:
        made.append(deadline)
        workload = Workload(items=100, values=Distribution.parse("constant:10"))
        planner = Planner(Quotas.load(), Assumptions.load(), PriceBook.load())
        return SearchRequest(workload, Space(), deadline, "cost", planner, say, budget=20)

    return make


def ended(search: Search) -> None:
    assert search.ended


def test_a_search_is_made_once_for_all_who_ask_for_it():
    made: list[float] = []
    searches = Searches()
    first, slow, again = (searches.at(key, within(key, made)) for key in (900.0, 0.001, 900.0))
    assert again is first
    for search in (first, slow):
        eventually(lambda search=search: ended(search))
    assert made == [900.0, 0.001]
    assert first.study
    assert first.said[0] == "sqs: coarse grid"
    assert slow.error
    assert "no plan meets the deadline" in slow.error[0]
