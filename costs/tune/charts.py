"""The report's two charts, as Plotly figures: one colour per architecture, and one per service."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.colors import qualitative
from plotly.subplots import make_subplots

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.bill import SERVICES, Bill
from costs.format import dollars, short_seconds
from costs.plan.plan import Plan
from costs.tune.stack_parameters import settings_line, sum_and_time
from costs.tune.study import Study

COLOURS = {"sqs": "#1F5FAE", "sfn": "#D9660A"}
YOUR_CODE = "your code (Lambda)"
# The ticks of the time axis, in seconds.
TICKS = (1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10_800, 36_000, 86_400, 259_200, 864_000)
# The chart ends at these times the dollars and the seconds of the dearest and the slowest plan on a front.
DEARER, SLOWER = 4, 2


def cost_against_duration(study: Study) -> go.Figure:
    """Every plan tried, each architecture's Pareto front, the deadline, and the recommendation."""
    fronts = {name: study.result.front_of(name) for name in study.chosen}
    on_fronts = [plan for front in fronts.values() for plan in front]
    figure, best = go.Figure(), study.best
    for name, front in fronts.items():
        tried = [plan for plan in study.result.tried if plan.architecture == name]
        dots = {"color": COLOURS[name], "size": 5, "opacity": 0.25}
        figure.add_scatter(**points(tried), mode="markers", marker=dots, showlegend=False)
        line = {"color": COLOURS[name], "size": 10}
        figure.add_scatter(**points(front), mode="lines+markers", marker=line, name=ARCHITECTURE_TITLES[name])
    star = {"symbol": "star", "size": 22, "color": COLOURS[best.architecture], "line": {"color": "black", "width": 1.5}}
    figure.add_scatter(**points([best]), mode="markers", marker=star, name=f"<b>recommended: {sum_and_time(best)}</b>")
    deadline, ticks = study.request.deadline_seconds, [short_seconds(tick) for tick in TICKS]
    figure.add_vline(deadline, line_dash="dash", name=f"deadline {short_seconds(deadline)}", showlegend=True)
    figure.update_xaxes(title="from the request to Batch Finished", tickvals=TICKS, ticktext=ticks)
    figure.update_xaxes(type="log", range=around([plan.seconds for plan in on_fronts], SLOWER))
    paid_for = "the batch" if study.request.per_day is None else "the month"
    figure.update_yaxes(title=f"dollars for {paid_for}", tickformat="$~g", dtick="D2")
    figure.update_yaxes(type="log", range=around([plan.cost for plan in on_fronts], DEARER))
    return styled(figure, 520)


def points(plans: Iterable[Plan]) -> dict[str, Any]:
    """The plans as points of duration and dollars. A point shows its details under the pointer."""
    plans = list(plans)
    return {
        "x": [plan.seconds for plan in plans],
        "y": [plan.cost for plan in plans],
        "hoverinfo": "text",
        "text": [
            f"<b>{ARCHITECTURE_TITLES[plan.architecture]}: {sum_and_time(plan)}</b><br>"
            f"{settings_line(plan)}<br>held up by {plan.bottleneck}"
            for plan in plans
        ],
    }


def around(amounts: Sequence[float], beyond: float) -> list[float]:
    """The range of a logarithmic axis that shows these amounts, and `beyond` times the largest."""
    return [math.log10(max(min(amounts), 1e-9) * 0.9), math.log10(max(*amounts, 1e-9) * beyond)]


def cost_by_service(study: Study) -> go.Figure:
    """The cost of a million items, stacked by service: the whole bill, and next to it the orchestration alone."""
    tuned = {f"{ARCHITECTURE_TITLES[name]}, tuned": plan.bill for name, plan in study.chosen.items()}
    default = {f"{ARCHITECTURE_TITLES[name]}, default": plan.bill for name, plan in study.defaults.items()}
    orchestration = {title: bill.part(own=False) for title, bill in tuned.items()}
    shown = {"Whole bill": tuned | default, "Orchestration alone": orchestration}
    titles = [f"{title}, dollars per million items" for title in shown]
    figure = make_subplots(cols=2, horizontal_spacing=0.25, subplot_titles=titles)
    for column, bills in enumerate(shown.values(), start=1):
        totals = (f"{title}<br><b>{dollars(bill.per_million() or 0.0)}</b>" for title, bill in bills.items())
        bars = dict(zip(totals, map(by_service, bills.values()), strict=True))
        for service, colour in zip((YOUR_CODE, *SERVICES.values()), qualitative.Safe, strict=False):
            figure.add_bar(
                x=[bar.get(service) for bar in bars.values()], y=list(bars), orientation="h", row=1, col=column,
                name=service, legendgroup=service, showlegend=column == 1, marker_color=colour,
            )  # fmt: skip
    figure.update_xaxes(tickformat="$~g", nticks=4).update_yaxes(autorange="reversed", automargin=True)
    return styled(figure, 200 + 70 * len(tuned | default)).update_layout(
        barmode="stack", legend_y=-0.12, legend_yanchor="top"
    )


def by_service(bill: Bill) -> dict[str, float]:
    """Dollars per million items by service, the user's code apart."""
    parts = {YOUR_CODE: bill.own, **bill.part(own=False).by_service()}
    return {service: amount / (bill.items or 1) * 1_000_000 for service, amount in parts.items() if amount}


def styled(figure: go.Figure, height: int) -> go.Figure:
    """The figure with the style that both charts share."""
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    return figure.update_layout(template="plotly_white", height=height, font_size=15, legend=legend)
