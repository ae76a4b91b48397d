"""Tune: which settings are cheapest, or fastest, within a deadline, by the search of `rollcall tune`."""

import math
from collections.abc import Sequence
from functools import partial
from shlex import join
from typing import Any, NamedTuple

from markupsafe import Markup

from bootstrap.problem import Problem
from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import dollars, seconds, short_seconds
from costs.plan.plan import Plan
from costs.plan.settings import LONGEST_DEADLINE, Settings, Workload
from costs.tune.pareto import thinned
from costs.tune.search import SearchRequest
from costs.tune.space import Space
from costs.tune.stack_parameters import in_sandbox, settings_line
from costs.tune.study import AIMS, Study, comparisons, headline
from rollcall.console.page import Asked, Page
from rollcall.console.pages.compare import planner_of, workload_in
from rollcall.console.searches import Search
from rollcall.terminal.duration import parse_duration

ROWS = 12
WIDTH, HEIGHT, EDGE = 900, 260, 6
# The drawing ends at so many times the dollars, and the seconds, of the dearest and the slowest plan on a front.
DEARER, SLOWER = 3, 2


class Wanted(NamedTuple):
    """What a search is asked for."""

    workload: Workload
    deadline_seconds: float
    objective: str


def wanted(asked: Asked) -> Wanted | None:
    """What the query asks for; None before it asks. Raises Problem for what cannot be searched."""
    workload = workload_in(asked)
    if workload is None:
        return None
    if not workload.items:
        raise Problem("there is nothing to tune for no items", "give 1 at least")
    text, objective = asked.query.get("deadline") or "6h", asked.query.get("objective") or "cost"
    deadline, longest = parse_duration("the deadline", text), min(LONGEST_DEADLINE.values())
    if deadline > longest:
        raise Problem(f"the deadline {text}: a batch has {longest // 86_400} days at most", "give less")
    if objective not in AIMS:
        raise Problem(f"{objective!r} is no objective: {', '.join(AIMS)}")
    return Wanted(workload, deadline, objective)


def tune(asked: Asked) -> Page:
    """The form, how far the search is, then what it found."""
    want = wanted(asked)
    search = asked.searches.at(want, partial(request, asked, want)) if want else None
    query = {name: asked.query.get(name) or usual for name, usual in (("deadline", "6h"), ("objective", "cost"))}
    words = ["rollcall", "tune", "--items", str(want.workload.items if want else 1_000_000)]
    words += ["--value-distribution", asked.query.get("values") or "uniform:0-1000"]
    words += [word for name, value in query.items() for word in (f"--{name}", value)]
    shows: dict[str, Any] = {
        **query,
        "items": asked.query.get("items", ""),
        "values": asked.query.get("values") or "uniform:0-1000",
        "objectives": AIMS,
        "command": join(words),
        "search": search,
        "found": found(asked, search) if search and search.study else None,
    }
    return Page("tune.html", "Tune", shows)


def request(asked: Asked, want: Wanted, say: Any) -> SearchRequest:
    """The search, over the settings of both architectures."""
    longest = max(Settings().deadline_seconds, int(want.deadline_seconds))
    space = Space(architectures=list(LONGEST_DEADLINE), base=Settings(deadline_seconds=longest))
    return SearchRequest(want.workload, space, want.deadline_seconds, want.objective, planner_of(asked), say)


def found(asked: Asked, search: Search) -> dict[str, Any]:
    """What the page shows of a study."""
    study = search.study
    assert study  # noqa: S101 - the caller has looked
    shown = {id(plan): plan for plan in (*thinned(study.result.front, ROWS, study.best), *study.chosen.values())}
    drawn, axes = drawing(study)
    here = [word for name, value in in_sandbox(study.best)[0].items() for word in ("--parameter", f"{name}={value}")]
    return {
        "aim": study.aim,
        "headline": headline(study),
        "comparisons": comparisons(study),
        "warnings": study.best.warnings,
        "tried": len(study.result.tried),
        "rows": [row(study, plan) for plan in sorted(shown.values(), key=lambda plan: (plan.cost, plan.seconds))],
        "drawn": drawn,
        "axes": axes,
        "up": asked.target.command(join(["up", *here])),
    }


def row(study: Study, plan: Plan) -> dict[str, Any]:
    """A plan as the table shows it."""
    return {
        "best": plan is study.best,
        "late": not study.request.meets(plan),
        "dollars": dollars(plan.dollars),
        "seconds": seconds(plan.seconds),
        "architecture": ARCHITECTURE_TITLES[plan.architecture],
        "settings": settings_line(plan),
    }


def drawing(study: Study) -> tuple[Markup, str]:
    """A drawing, and what its axes are.

    Every plan tried is a point, dollars against duration; the front is a line, the recommendation a ring.
    """
    fronts = [plan for name in study.chosen for plan in study.result.front_of(name)]
    low = min(plan.seconds for plan in fronts), min(plan.dollars for plan in fronts)
    high = max(plan.seconds for plan in fronts) * SLOWER, max(plan.dollars for plan in fronts) * DEARER

    def at(plan: Plan) -> str:
        place = (plan.seconds, plan.dollars)
        x, y = (
            math.log(value / least) / math.log(most / least)
            for value, least, most in zip(place, low, high, strict=True)
        )
        return f"{EDGE + x * (WIDTH - 2 * EDGE):.0f} {HEIGHT - EDGE - y * (HEIGHT - 2 * EDGE):.0f}"

    def points(plans: Sequence[Plan]) -> str:
        inside = {at(plan) for plan in plans if plan.seconds <= high[0] and plan.dollars <= high[1]}
        return "".join(f"M{place}h0" for place in sorted(inside))

    tried = "".join(
        f'<path class="{name}" d="{points([plan for plan in study.result.tried if plan.architecture == name])}"/>'
        for name in study.chosen
    )
    line = "L".join(at(plan) for plan in study.result.front)
    x, y = at(study.best).split()
    ends = (short_seconds(low[0]), short_seconds(high[0]), dollars(low[1]), dollars(high[1]))
    label = f"From {ends[0]} to {ends[1]} across, and from {ends[2]} to {ends[3]} upwards, both logarithmic"
    drawn = Markup(  # noqa: S704 - of numbers and names of architectures
        f'<svg class="front" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{tried}'
        f'<path class="best" d="M{line}"/><circle cx="{x}" cy="{y}" r="6"/></svg>'
    )
    return drawn, label
