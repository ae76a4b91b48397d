"""The report of a study: one HTML file that shows itself anywhere, with no network."""

import re
from html import escape
from importlib.resources import files

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from costs.format import dollars, seconds
from costs.tune import charts, words
from costs.tune.axes import brief
from costs.tune.planned import Planned
from costs.tune.stack_parameters import parameters
from costs.tune.study import Study

PAGE = "report.html"
PLACE = re.compile(r"\{\{([A-Z]+)\}\}")
# No button that would send the data anywhere.
CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtons": [["toImage", "zoom2d", "pan2d", "resetScale2d"]]}


def report(study: Study, rests_on: str) -> str:
    """The whole page. `rests_on` says which prices and assumptions it is made of."""
    page = files("costs.tune").joinpath(PAGE).read_text()
    filled = {
        "AIM": escape(f"{words.AIMS[study.objective]} within {brief(study.deadline_seconds)}"),
        "HEADLINE": escape(words.headline(study)),
        "SENTENCES": "".join(f"<p>{escape(text)}</p>" for text in sentences(study) if text),
        "CARDS": "".join(card(study, plan) for plan in study.chosen.values()),
        "SECTIONS": "".join(sections(study)),
        "FOOT": escape(foot(study, rests_on)),
        "PLOTLY": get_plotlyjs(),
    }
    # In one pass: what stands in a value must not be taken for a place to fill.
    return PLACE.sub(lambda place: filled[place[1]], page)


def sentences(study: Study) -> list[str]:
    """The recommendation in words, below its headline."""
    return [
        f"{words.settings_line(study.best)}. It is held up by {study.best.bottleneck}.",
        words.comparison(study),
        words.against_defaults(study),
        *(f"Mind: {warning}." for warning in study.best.warnings),
    ]


def card(study: Study, plan: Planned) -> str:
    """One architecture's own best, with its stack parameters."""
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
        f'<div class="card {plan.architecture}{" best" if best else ""}"><h3>{words.TITLES[plan.architecture]}'
        f'<em>{note}</em></h3><div class="facts">{cells}</div><pre>{escape(lines)}</pre></div>'
    )


def sections(study: Study) -> list[str]:
    """The charts, each below the sentence that it proves."""
    rings = " of each architecture, ringed where no setting of the other is preferable" if len(study.chosen) > 1 else ""
    made = [
        ("cost-duration", words.cost_finding(study), charts.cost_against_duration(study),
         f"Each dot is one setting of the {len(study.found.tried):,} tried; {study.found.impossible:,} more are "
         f"impossible. A line is the Pareto front{rings}."),
        ("services", words.service_finding(study), charts.cost_by_service(study), ""),
        ("chunks", words.chunk_finding(study), charts.cost_against_chunk(study),
         "The other settings as tuned, the stars; items per chunk alone vary."),
        ("sizes", words.size_finding(study), charts.duration_against_size(study),
         "The tuned settings, whatever the size of the batch. The bands say what holds it up."),
    ]  # fmt: skip
    if all(len(curve) > 1 for curve in study.lever.values()):
        made.append(
            ("lever", words.lever_finding(study), charts.cost_against_concurrency(study),
             "For work that waits: Lambda bills an invocation's milliseconds once, however many items wait in it. "
             "Work that computes gains nothing: give it --item-concurrency-limit 1. Chunk size as is cheapest.")
        )  # fmt: skip
    return [section(*each) for each in made]


def section(name: str, title: str, figure: go.Figure, note: str) -> str:
    """One chart under its title."""
    chart = figure.to_html(full_html=False, include_plotlyjs=False, config=CONFIG, div_id=f"chart-{name}")
    below = f"<p class='note'>{escape(note)}</p>" if note else ""
    return f'<section id="{name}"><h2>{escape(title)}</h2>{chart}{below}</section>'


def foot(study: Study, rests_on: str) -> str:
    """The items, and what all of it rests on."""
    workload = study.workload
    fails = f", {workload.fail_rate:.2%} of them failing" if workload.fail_rate else ""
    return f"{words.rounded(workload.items)} items of {workload.values}{fails}. {rests_on}"
