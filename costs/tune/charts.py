"""The report's charts of a study, as Plotly figures."""

import math
from collections.abc import Iterable
from itertools import pairwise

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from costs.bill import Bill
from costs.format import dollars, seconds
from costs.tune.axes import brief, count_axis, money_axis, time_axis
from costs.tune.look import COLOURS, GREY, INK, KINDS, NAMES, OWN_WORK, SERVICES, SHADES, SHORT, styled
from costs.tune.planned import Planned, per_million
from costs.tune.study import Study
from costs.tune.words import cents, rounded, settings_line

# Plans that are this many times dearer, or slower, than the fronts' dearest or slowest are not drawn.
DEARER, SLOWER = 4, 2
# About so high is the area of the first chart: its label stands above the fronts.
PLOT_PIXELS = 400


def cost_against_duration(study: Study) -> go.Figure:
    """Every plan tried, each architecture's front, the deadline, and the recommendation."""
    fronts = {name: study.found.of(name) for name in study.chosen}
    shown = [plan for front in fronts.values() for plan in front]
    dearest = max(plan.dollars for plan in shown) * DEARER
    slowest = max(study.deadline_seconds, *(plan.seconds for plan in shown)) * SLOWER
    figure = go.Figure()
    for name in fronts:
        tried = [
            plan
            for plan in study.found.tried
            if plan.architecture == name and plan.dollars <= dearest and plan.seconds <= slowest
        ]
        shown += tried
        figure.add_scatter(
            **places(tried), mode="markers", marker={"size": 5, "color": SHADES[name], "opacity": 0.55},
            name=f"{NAMES[name]}: tried", showlegend=False,
        )  # fmt: skip
    overall = {id(plan) for plan in study.found.front}
    for name, front in fronts.items():
        rings = [2.0 if id(plan) in overall and len(fronts) > 1 else 0.0 for plan in front]
        figure.add_scatter(
            **places(front), mode="lines+markers", name=NAMES[name], line={"color": COLOURS[name], "width": 2.5},
            marker={"size": 10, "color": COLOURS[name], "line": {"color": INK, "width": rings}},
        )  # fmt: skip
    if len(fronts) > 1:
        ring = {"size": 10, "color": "white", "line": {"color": INK, "width": 2}}
        figure.add_scatter(x=[None], y=[None], mode="markers", name="Pareto front of both", marker=ring)
    best, deadline = study.best, study.deadline_seconds
    x = time_axis("from the request to Batch Finished", [plan.seconds for plan in shown])
    y = money_axis(f"dollars for {rounded(study.workload.items)} items", [plan.dollars for plan in shown])
    if x["range"][0] < math.log10(deadline) < x["range"][1]:
        figure.add_vrect(x0=deadline, x1=10 ** x["range"][1], fillcolor="#8A94A0", opacity=0.12, line_width=0)
        figure.add_vline(x=deadline, line={"color": GREY, "width": 1.5, "dash": "dash"})
        figure.add_annotation(
            x=math.log10(deadline), y=0.02, yref="paper", text=f" deadline {brief(deadline)}", showarrow=False,
            xanchor="left", yanchor="bottom", font={"color": GREY},
        )  # fmt: skip
    figure.add_scatter(**places([best]), mode="markers", marker=star(best, 22), showlegend=False)
    across, up = (
        (math.log10(value) - low) / (high - low)
        for value, (low, high) in ((best.seconds, x["range"]), (best.dollars, y["range"]))
    )
    figure.add_annotation(
        x=math.log10(best.seconds), y=math.log10(best.dollars),
        ax=110 if across < 0.6 else -110, ay=(up - 0.88) * PLOT_PIXELS if up < 0.6 else 110,
        text=f"<b>Recommended: {NAMES[best.architecture]}</b><br>{dollars(best.dollars)} in {seconds(best.seconds)}",
        bgcolor="white", bordercolor=COLOURS[best.architecture], borderpad=6, borderwidth=1.5, arrowcolor=INK,
        font={"size": 15}, align="left",
    )  # fmt: skip
    return styled(figure, 520, xaxis=x, yaxis=y)


def star(plan: Planned, size: int) -> dict[str, object]:
    """The marker of what is recommended."""
    return {"symbol": "star", "size": size, "color": COLOURS[plan.architecture], "line": {"color": INK, "width": 1.5}}


def places(plans: Iterable[Planned]) -> dict[str, object]:
    """The plans by duration and dollars, with what is said of each under the pointer."""
    plans = list(plans)
    return {
        "x": [plan.seconds for plan in plans],
        "y": [plan.dollars for plan in plans],
        "text": [told(plan) for plan in plans],
        "hovertemplate": "%{text}<extra></extra>",
    }


def told(plan: Planned) -> str:
    """A plan in three lines."""
    return (
        f"<b>{NAMES[plan.architecture]}: {dollars(plan.dollars)} in {seconds(plan.seconds)}</b><br>"
        f"{settings_line(plan)}<br>held up by {plan.bottleneck}"
    )


def cost_by_service(study: Study) -> go.Figure:
    """What a million items cost, stacked by service: all of it, and the orchestration of the tuned settings alone."""
    everything = {}
    for name, plan in study.chosen.items():
        if default := study.defaults.get(name):
            everything[f"{NAMES[name]},<br>default settings"] = parts(default.bill, with_own=True)
        everything[f"<b>{NAMES[name]},<br>tuned</b>"] = parts(plan.bill, with_own=True)
    alone = {f"<b>{SHORT[name]},<br>tuned</b>": parts(plan.bill, with_own=False) for name, plan in study.chosen.items()}
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.16, column_widths=[0.55, 0.45],
        subplot_titles=("All in, dollars per million items", "Orchestration alone"),
    )  # fmt: skip
    told = set()
    for column, bills in ((1, everything), (2, alone)):
        rows = list(bills)[::-1]
        for service, colour in SERVICES.items():
            each = [bills[row].get(service, 0.0) for row in rows]
            if any(each):
                figure.add_bar(
                    x=each, y=rows, orientation="h", name=service, legendgroup=service, row=1, col=column,
                    marker={"color": colour}, showlegend=service not in told,
                    text=[dollars(value) for value in each], textposition="none",
                    hovertemplate=f"{service}: %{{text}} per million items<extra></extra>",
                )  # fmt: skip
                told.add(service)
        totals = [sum(bills[row].values()) for row in rows]
        figure.add_scatter(
            x=totals, y=rows, mode="text", text=[f" {dollars(total)}" for total in totals], row=1, col=column,
            textposition="middle right", showlegend=False, hoverinfo="skip", cliponaxis=False,
        )  # fmt: skip
        figure.update_xaxes(range=[0, max(totals) * 1.3], tickformat="$~g", nticks=4, row=1, col=column)
    below = {"orientation": "h", "x": 0.5, "xanchor": "center", "y": 0.01, "yanchor": "bottom", "yref": "container"}
    styled(figure, 190 + 70 * len(everything), barmode="stack", bargap=0.35, legend=below, margin={"b": 110, "t": 50})
    figure.update_yaxes(showgrid=False)
    return figure


def parts(bill: Bill, with_own: bool) -> dict[str, float]:
    """Dollars per million items by service; the user's own work apart, or not at all."""
    assert bill.items
    per = 1_000_000 / bill.items
    sums = {service: amount * per for service, amount in bill.part(own=False).by_service().items()}
    return {OWN_WORK: bill.own * per, **sums} if with_own else sums


def cost_against_chunk(study: Study) -> go.Figure:
    """Dollars per million items by the items per chunk, all in and orchestration alone."""
    figure = go.Figure()
    every: list[float] = []
    for name, curve in study.by_chunk.items():
        for what, dash in (("all in", "solid"), ("orchestration", "dot")):
            costs = [per_million(plan) if dash == "solid" else orchestration(plan) for _, plan in curve]
            every += costs
            figure.add_scatter(
                x=[size for size, _ in curve], y=costs, mode="lines", name=f"{NAMES[name]}, {what}",
                line={"color": COLOURS[name], "width": 3 if dash == "solid" else 2.5, "dash": dash},
                text=[
                    f"<b>{size:,} items per chunk</b><br>{NAMES[name]}, {what}: {dollars(cost)} per million items<br>"
                    f"done in {seconds(plan.seconds)}"
                    for (size, plan), cost in zip(curve, costs, strict=True)
                ],
                hovertemplate="%{text}<extra></extra>",
            )  # fmt: skip
        plan = study.chosen[name]
        figure.add_scatter(
            x=[plan.settings.items_per_chunk], y=[per_million(plan)], mode="markers", text=[told(plan)],
            name="tuned", showlegend=False, hovertemplate="%{text}<extra></extra>",
            marker=star(plan, 18),
        )  # fmt: skip
    x = count_axis("items per chunk", [size for curve in study.by_chunk.values() for size, _ in curve])
    return styled(figure, xaxis=x, yaxis=money_axis("dollars per million items", every))


def orchestration(plan: Planned) -> float:
    """Dollars of orchestration per million items."""
    return plan.bill.part(own=False).per_million() or 0.0


def duration_against_size(study: Study) -> go.Figure:
    """How long batches of 100 to 100 million items take with the chosen settings, and what holds them up."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.06)
    for name, curve in study.by_size.items():
        figure.add_scatter(
            x=[size for size, _ in curve], y=[plan.seconds for _, plan in curve], mode="lines+markers",
            name=NAMES[name], line={"color": COLOURS[name], "width": 3}, marker={"size": 8}, row=1, col=1,
            text=[
                f"<b>{rounded(size)} items: {seconds(plan.seconds)}</b><br>{NAMES[name]}, {dollars(plan.dollars)}<br>"
                f"held up by {plan.bottleneck}" for size, plan in curve
            ],
            hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    kinds: dict[str, str] = {}
    for name, curve in study.by_size.items():
        for start, end, bottleneck in stretches([(size, plan.bottleneck) for size, plan in curve]):
            known = bottleneck in kinds
            colour = kinds.setdefault(bottleneck, KINDS[len(kinds) % len(KINDS)])
            figure.add_scatter(
                x=[start, end], y=[NAMES[name]] * 2, mode="lines", line={"color": colour, "width": 24}, row=2, col=1,
                name=bottleneck, legendgroup=bottleneck, showlegend=not known, legend="legend2",
                hovertemplate=f"{NAMES[name]}: held up by {bottleneck}<extra></extra>",
            )  # fmt: skip
    sizes = [size for curve in study.by_size.values() for size, _ in curve]
    durations = [plan.seconds for curve in study.by_size.values() for _, plan in curve]
    below = {
        "orientation": "h",
        "x": 0,
        "y": -0.2,
        "yanchor": "top",
        "font": {"size": 14},
        "title": {"text": "held up by: "},
    }
    styled(figure, 560, legend2=below, margin={"l": 150, "r": 28, "t": 50, "b": 120})
    figure.update_xaxes(**count_axis("", sizes), row=1, col=1)
    figure.update_xaxes(**count_axis("items of the batch", sizes), row=2, col=1)
    figure.update_yaxes(**time_axis("duration", durations), row=1, col=1)
    figure.update_yaxes(categoryorder="array", categoryarray=[NAMES[name] for name in reversed(list(study.by_size))],
                        range=[-0.6, len(study.by_size) - 0.4], showgrid=False, row=2, col=1)  # fmt: skip
    return figure


def stretches(points: list[tuple[int, str]]) -> Iterable[tuple[float, float, str]]:
    """Neighbours with the same word as one stretch, each up to halfway (by logarithm) to the next."""
    between = [math.sqrt(a * b) for (a, _), (b, _) in pairwise(points)]
    edges = [points[0][0], *between, points[-1][0]]
    begun = 0
    for index in range(1, len(points) + 1):
        if index == len(points) or points[index][1] != points[begun][1]:
            yield edges[begun], edges[index], points[begun][1]
            begun = index


def cost_against_concurrency(study: Study) -> go.Figure:
    """The lever: dollars per million items by how many items of a chunk are processed at a time."""
    figure = go.Figure()
    for name, curve in study.lever.items():
        costs = [per_million(plan) for _, plan in curve]
        figure.add_bar(
            x=[str(at_a_time) for at_a_time, _ in curve], y=costs, name=NAMES[name], marker={"color": COLOURS[name]},
            text=[cents(cost) for cost in costs], textposition="outside", textangle=0, cliponaxis=False,
            textfont={"size": 14},
            customdata=[
                f"<b>{at_a_time} at a time: {dollars(cost)} per million items</b><br>{settings_line(plan)}<br>"
                f"done in {seconds(plan.seconds)}" for (at_a_time, plan), cost in zip(curve, costs, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    highest = max(per_million(plan) for curve in study.lever.values() for _, plan in curve)
    return styled(
        figure, 440, barmode="group", bargap=0.25, bargroupgap=0.06,
        xaxis={"title": "items of a chunk processed at a time", "type": "category"},
        yaxis={"title": "dollars per million items", "tickformat": "$~g", "range": [0, highest * 1.12]},
    )  # fmt: skip
