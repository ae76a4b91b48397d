"""The report and the parameters of a real study: complete, and self-contained."""

import json
import re
from functools import cache
from html.parser import HTMLParser

import pytest

from bootstrap.parameters import declared, resolve
from bootstrap.stacks import template
from costs.facts.figures import Assumptions, Quotas
from costs.facts.prices import PriceBook
from costs.plan.distribution import Distribution
from costs.plan.plan import Planner
from costs.plan.settings import Settings, Workload
from costs.tune.search import SearchRequest
from costs.tune.space import Space
from costs.tune.stack_parameters import in_sandbox, parameters
from costs.tune.study import Study, study
from rollcall.commands.up import checked_parameters
from rollcall.views.tune import study_json
from rollcall.views.tune_report import report
from tests.unit.tuning_plans import StandIn

PLANNER = Planner(Quotas.load(), Assumptions.load(), PriceBook.load())
CHARTS = ("cost-duration", "services")
# Attributes by which a page makes a browser load something.
LOADING = {"src", "href", "srcset", "data", "poster"}


@cache
def made(deadline: float = 900, most: int | None = None) -> Study:
    workload = Workload(items=20_000, values=Distribution.parse("constant:50"))
    return study(SearchRequest(workload, Space(max_item_concurrency=most), deadline, "cost", PLANNER, budget=300))


class Page(HTMLParser):
    """What a page would load, and the texts of its headings. The charts' library is text in a script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {name}={value}" for name, value in attrs if name in LOADING]
        self.ids += [value for name, value in attrs if name == "id" and value]
        assert tag not in ("link", "iframe", "object", "embed", "base")


def page(**options) -> str:
    return report(made(**options), f"Prices of {PLANNER.book.date}. Durations are a model.")


def test_the_report_loads_nothing() -> None:
    text = page()
    assert Page(text).loads == []
    outside = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"https?://|@import|url\(", outside)


def test_the_report_has_every_chart_once_and_the_library_once() -> None:
    text = page()
    ids = Page(text).ids
    for chart in CHARTS:
        assert ids.count(f"chart-{chart}") == 1
        assert len(re.findall(rf'Plotly\.newPlot\(\s*"chart-{chart}"', text)) == 1
    assert text.count("plotly.js v") == 1
    assert "{{" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)


def test_the_report_says_what_it_recommends_and_what_it_rests_on() -> None:
    text = re.sub(r"<script.*?</script>", "", page(), flags=re.DOTALL)
    assert "Cheapest within 15 min" in text
    for name, value in parameters(made().best).items():
        assert f"{name}={value}" in text
    assert str(PLANNER.book.date) in text
    assert "Durations are a model." in text


def test_code_that_computes_has_one_item_concurrency() -> None:
    assert [list(plans) for plans in made(most=1).by_item_concurrency.values()] == [[1], [1]]


def test_more_items_in_parallel_never_cost_more() -> None:
    for plans in made().by_item_concurrency.values():
        costs = [plan.dollars for plan in plans.values()]
        assert costs == sorted(costs, reverse=True)


def test_json_has_the_recommendation_the_front_and_both_architectures() -> None:
    answer = json.loads(json.dumps(study_json(made())))
    assert answer["best"]["dollars"] == made().best.dollars
    assert set(answer["architectures"]) == {"sqs", "sfn"}
    assert len(answer["front"]) == len(made().result.front)
    assert answer["best"]["parameters"] == parameters(made().best)


@pytest.mark.parametrize("architecture", ["sqs", "sfn"])
def test_the_parameters_are_ones_that_the_template_takes(architecture: str) -> None:
    known = declared(template(architecture))
    for plan in made().result.front_of(architecture):
        values = parameters(plan)
        assert set(values) <= set(known)
        resolve(known, values)


@pytest.mark.parametrize(
    ("architecture", "at_a_time", "left_out"),
    [
        ("sqs", 1000, []),
        ("sfn", 100, []),
        ("sfn", 10_000, ["MaxConcurrency=10000"]),
        ("sfn", 1, ["MaxConcurrency=1"]),
    ],
)
def test_up_takes_what_the_sandbox_can_be_told(architecture: str, at_a_time: int, left_out: list[str]) -> None:
    settings = Settings(max_concurrency=at_a_time)
    values, said = in_sandbox(StandIn(dollars=1, seconds=1, architecture=architecture, settings=settings))
    assert checked_parameters(f"{name}={value}" for name, value in values.items()) == values
    assert [line.split(":")[0] for line in said] == left_out


def test_a_batch_may_last_as_long_as_its_deadline() -> None:
    a_day = StandIn(dollars=1, seconds=1, settings=Settings(deadline_seconds=86_400))
    assert parameters(a_day)["DeadlineSeconds"] == "86400"
    assert "DeadlineSeconds" not in parameters(StandIn(dollars=1, seconds=1))


def test_provisioned_pollers_are_a_parameter_instead_of_the_concurrency() -> None:
    plan = StandIn(dollars=1, seconds=1, settings=Settings(pollers=500))
    values, left_out = in_sandbox(plan)
    for given in (parameters(plan), values):
        assert (given["ProvisionedPollers"], given.get("MaxConcurrency")) == ("500", None)
    assert left_out == []


def test_what_stands_in_a_value_is_no_place_to_fill() -> None:
    foot = report(made(), "Prices of /home/{{PLOTLY}}/{{AIM}}.toml.").partition("<footer>")[2]
    assert "Prices of /home/{{PLOTLY}}/{{AIM}}.toml." in foot
