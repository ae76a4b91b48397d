"""The report of a study: one HTML file that needs no network."""

from html import escape
from importlib.resources import files
from string import Template

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import count, dollars, seconds
from costs.plan.plan import Plan
from costs.tune.charts import cost_against_duration, cost_by_service
from costs.tune.stack_parameters import parameters, settings_line
from costs.tune.study import Study, comparisons, headline

# No button that would send the data anywhere.
CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtons": [["toImage", "zoom2d", "pan2d", "resetScale2d"]]}


def report(study: Study, basis: str) -> str:
    """The whole page. `basis` is the sentence about its prices and assumptions."""
    best, workload = study.best, study.best.workload
    failing = f", {workload.fail_rate:.2%} of them failing" if workload.fail_rate else ""
    sentences = [f"{settings_line(best)}.", *comparisons(study), *(f"Warning: {each}." for each in best.warnings)]
    # In one pass: a value that contains a placeholder must not be filled in turn.
    return Template(files("costs.tune").joinpath("report.html").read_text()).substitute(
        aim=escape(study.aim),
        headline=escape(headline(study)),
        sentences="".join(f"<p>{escape(sentence)}</p>" for sentence in sentences),
        cards="".join(card(study, plan) for plan in study.chosen.values()),
        plotly=get_plotlyjs(),
        cost_duration=chart("cost-duration", cost_against_duration(study)),
        tried=f"{len(study.result.tried):,}",
        impossible=f"{study.result.impossible:,}",
        services=chart("services", cost_by_service(study)),
        foot=escape(f"{count(workload.items, 'item')} of {workload.values}{failing}. {basis}"),
    )


def card(study: Study, plan: Plan) -> str:
    """One architecture's best plan, with its stack parameters."""
    note = "recommended" if plan is study.best else "" if study.request.meets(plan) else "misses the deadline"
    lines = "\n".join(f"{name}={value}" for name, value in parameters(plan).items())
    facts = {
        "for the batch": dollars(plan.dollars),
        "duration": seconds(plan.seconds),
        "per million items": dollars(plan.bill.per_million() or 0.0),
        "of it orchestration": dollars(plan.bill.part(own=False).per_million() or 0.0),
    }
    cells = "".join(f"<div><b>{escape(value)}</b>{label}</div>" for label, value in facts.items())
    return (
        f'<section class="{plan.architecture}"><h2>{ARCHITECTURE_TITLES[plan.architecture]} <em>{note}</em></h2>'
        f'<div class="facts">{cells}</div><pre>{escape(lines)}</pre></section>'
    )


def chart(name: str, figure: go.Figure) -> str:
    """A chart's element, without Plotly's library."""
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=CONFIG, div_id=f"chart-{name}"))
