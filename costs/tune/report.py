"""The report of a study: one HTML file that needs no network."""

import re
from html import escape
from importlib.resources import files

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import count, dollars, seconds, short_seconds
from costs.plan.plan import Plan
from costs.tune import charts
from costs.tune.stack_parameters import parameters, settings_line
from costs.tune.study import AIMS, Study, comparisons, headline

PLACE = re.compile(r"\{\{([A-Z]+)\}\}")
# No button that would send the data anywhere.
CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtons": [["toImage", "zoom2d", "pan2d", "resetScale2d"]]}


def report(study: Study, basis: str) -> str:
    """The whole page. `basis` is the sentence about its prices and assumptions."""
    best, workload = study.best, study.best.workload
    failing = f", {workload.fail_rate:.2%} of them failing" if workload.fail_rate else ""
    sentences = [f"{settings_line(best)}.", *comparisons(study), *(f"Warning: {each}." for each in best.warnings)]
    dots = (
        f"A dot is one of the {len(study.result.tried):,} settings tried; {study.result.impossible:,} more are "
        "impossible. A line is an architecture's Pareto front."
    )
    filled = {
        "AIM": escape(f"{AIMS[study.objective]} within {short_seconds(study.deadline_seconds)}"),
        "HEADLINE": escape(headline(study)),
        "SENTENCES": "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences),
        "CARDS": "".join(card(study, plan) for plan in study.chosen.values()),
        "SECTIONS": section("cost-duration", "Cost against duration", charts.cost_against_duration(study), dots)
        + section("services", "Cost by service", charts.cost_by_service(study)),
        "FOOT": escape(f"{count(workload.items, 'item')} of {workload.values}{failing}. {basis}"),
        "PLOTLY": get_plotlyjs(),
    }
    page = files("costs.tune").joinpath("report.html").read_text()
    # In one pass: a value that contains a placeholder must not be filled in turn.
    return PLACE.sub(lambda place: filled[place[1]], page)


def card(study: Study, plan: Plan) -> str:
    """One architecture's best plan, with its stack parameters."""
    best = plan is study.best
    note = "recommended" if best else "" if study.meets(plan) else "misses the deadline"
    lines = "\n".join(f"{name}={value}" for name, value in parameters(plan).items())
    facts = {
        "for the batch": dollars(plan.dollars),
        "duration": seconds(plan.seconds),
        "per million items": dollars(plan.bill.per_million() or 0.0),
        "of it orchestration": dollars(plan.bill.part(own=False).per_million() or 0.0),
    }
    cells = "".join(f"<div><b>{escape(value)}</b><span>{label}</span></div>" for label, value in facts.items())
    return (
        f'<div class="card {plan.architecture}{" best" if best else ""}"><h3>{ARCHITECTURE_TITLES[plan.architecture]}'
        f'<em>{note}</em></h3><div class="facts">{cells}</div><pre>{escape(lines)}</pre></div>'
    )


def section(name: str, title: str, figure: go.Figure, note: str = "") -> str:
    """One chart under its title."""
    chart = figure.to_html(full_html=False, include_plotlyjs=False, config=CONFIG, div_id=f"chart-{name}")
    below = f"<p class='note'>{escape(note)}</p>" if note else ""
    return f'<section id="{name}"><h2>{escape(title)}</h2>{chart}{below}</section>'
