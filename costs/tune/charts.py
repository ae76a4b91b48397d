"""The report's two charts, as Plotly figures: one colour per architecture, and one per service."""

from collections.abc import Iterable
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.bill import Bill
from costs.format import dollars, seconds, short_seconds
from costs.plan.plan import Plan
from costs.tune.stack_parameters import settings_line
from costs.tune.study import Study

COLOURS = {"sqs": "#1F5FAE", "sfn": "#D9660A"}
SHADES = {"sqs": "#9DBDE3", "sfn": "#F2BE94"}
YOUR_CODE = "your code (Lambda)"
SERVICES = {
    YOUR_CODE: "#C3CAD3",
    "Lambda": "#6B4C9A",
    "SQS": "#2A9D8F",
    "DynamoDB": "#274C77",
    "Step Functions": "#C2185B",
    "S3": "#7FB069",
    "EventBridge": "#E0A100",
    "CloudWatch Logs": "#8D6E63",
    "CloudWatch": "#546E7A",
}
INK, GREY, GRID, LINES = "#1B2430", "#5B6673", "#E3E7EC", "#AEB6C0"
FONT = "Inter, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
# The ticks of the time axis, in seconds.
TICKS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18_000, 36_000, 86_400, 172_800, 432_000,
         1_209_600)  # fmt: skip
# Plans that cost more, or take longer, than these times the dearest or slowest plan on a front are not drawn.
DEARER, SLOWER = 4, 2


def cost_against_duration(study: Study) -> go.Figure:
    """Every plan tried, each architecture's Pareto front, the deadline, and the recommendation."""
    fronts = {name: study.result.front_of(name) for name in study.chosen}
    on_fronts = [plan for front in fronts.values() for plan in front]
    dearest = max(plan.dollars for plan in on_fronts) * DEARER
    slowest = max(plan.seconds for plan in on_fronts) * SLOWER
    figure = go.Figure()
    for name in fronts:
        drawn = [
            plan
            for plan in study.result.tried
            if plan.architecture == name and plan.dollars <= dearest and plan.seconds <= slowest
        ]
        marker = {"size": 5, "color": SHADES[name], "opacity": 0.55}
        figure.add_scatter(**points(drawn), mode="markers", marker=marker, showlegend=False)
    for name, front in fronts.items():
        style = {"line": {"color": COLOURS[name], "width": 2.5}, "marker": {"size": 10}}
        figure.add_scatter(**points(front), mode="lines+markers", name=ARCHITECTURE_TITLES[name], **style)
    if (deadline := study.deadline_seconds) <= slowest:
        ends, line = [min(plan.dollars for plan in on_fronts), dearest], {"color": GREY, "width": 1.5, "dash": "dash"}
        name = f"deadline {short_seconds(deadline)}"
        figure.add_scatter(x=[deadline] * 2, y=ends, mode="lines", hoverinfo="skip", name=name, line=line)
    best = study.best
    star = {"symbol": "star", "size": 22, "color": COLOURS[best.architecture], "line": {"color": INK, "width": 1.5}}
    figure.add_scatter(
        **points([best]), mode="markers", marker=star,
        name=f"<b>recommended: {dollars(best.dollars)} in {seconds(best.seconds)}</b>",
    )  # fmt: skip
    time = {"title": "from the request to Batch Finished", "type": "log", "tickvals": TICKS,
            "ticktext": [short_seconds(tick) for tick in TICKS]}  # fmt: skip
    money = {"title": "dollars for the batch", "type": "log", "tickformat": "$~g"}
    return styled(figure, 520, xaxis=time, yaxis=money)


def points(plans: Iterable[Plan]) -> dict[str, Any]:
    """The plans as points of duration and dollars, each with its details under the pointer."""
    plans = list(plans)
    return {
        "x": [plan.seconds for plan in plans],
        "y": [plan.dollars for plan in plans],
        "text": [
            f"<b>{ARCHITECTURE_TITLES[plan.architecture]}: {dollars(plan.dollars)} in {seconds(plan.seconds)}</b><br>"
            f"{settings_line(plan)}<br>held up by {plan.bottleneck}"
            for plan in plans
        ],
        "hovertemplate": "%{text}<extra></extra>",
    }


def cost_by_service(study: Study) -> go.Figure:
    """The cost of a million items, stacked by service: the whole bill, and beside it the orchestration alone."""
    whole, orchestration = {}, {}
    for name, plan in study.chosen.items():
        title = ARCHITECTURE_TITLES[name]
        if default := study.defaults.get(name):
            whole[f"{title},<br>default settings"] = by_service(default.bill)
        whole[f"<b>{title},<br>tuned</b>"] = by_service(plan.bill)
        orchestration[f"<b>{title},<br>tuned</b>"] = by_service(plan.bill.part(own=False))
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.2, column_widths=[0.55, 0.45],
        subplot_titles=("Whole bill, dollars per million items", "Orchestration alone"),
    )  # fmt: skip
    for column, bills in ((1, whole), (2, orchestration)):
        bars = dict(reversed(bills.items()))
        for service, colour in SERVICES.items():
            amounts = [bar.get(service, 0.0) for bar in bars.values()]
            if any(amounts):
                figure.add_bar(
                    x=amounts, y=list(bars), orientation="h", name=service, legendgroup=service, row=1, col=column,
                    marker={"color": colour}, showlegend=column == 1,
                    text=[dollars(amount) for amount in amounts], textposition="none",
                    hovertemplate=f"{service}: %{{text}} per million items<extra></extra>",
                )  # fmt: skip
        totals = [sum(bar.values()) for bar in bars.values()]
        figure.add_scatter(
            x=totals, y=list(bars), mode="text", text=[f" {dollars(total)}" for total in totals], row=1, col=column,
            textposition="middle right", showlegend=False, hoverinfo="skip", cliponaxis=False,
        )  # fmt: skip
        figure.update_xaxes(range=[0, max(totals) * 1.3], tickformat="$~g", nticks=4, row=1, col=column)
    below = {"orientation": "h", "x": 0.5, "xanchor": "center", "y": 0.01, "yanchor": "bottom", "yref": "container"}
    styled(figure, 190 + 70 * len(whole), barmode="stack", bargap=0.35, legend=below, margin={"b": 110, "t": 50})
    return figure.update_yaxes(showgrid=False)


def by_service(bill: Bill) -> dict[str, float]:
    """Dollars per million items by service, the user's code apart."""
    parts = {YOUR_CODE: bill.part(own=True).dollars, **bill.part(own=False).by_service()}
    return {service: amount / (bill.items or 1) * 1_000_000 for service, amount in parts.items()}


def styled(figure: go.Figure, height: int, **more: Any) -> go.Figure:
    """The figure with the fonts, margins and colours that both charts share."""
    figure.update_layout(
        template="plotly_white",
        height=height,
        font={"family": FONT, "size": 15, "color": INK},
        margin={"l": 84, "r": 28, "t": 56, "b": 64},
        legend={"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom", "font": {"size": 14}},
        hoverlabel={"font": {"family": FONT, "size": 14}, "bgcolor": "white", "align": "left"},
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, linecolor=LINES, ticks="outside", tickcolor=LINES)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, linecolor=LINES, automargin=True)
    return figure.update_layout(**more)
