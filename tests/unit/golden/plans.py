"""The golden plans of plans.json, and the plans of the same workloads as the planner makes them now.

plans.json holds plain values only, so that it outlives a rewrite of the planner. Only `plan_of` knows the planner.

- A quantity is keyed by its price, then by its function, its operation and `own` for the user's own work. Lines of the
  bill that share a key are summed. The plan's wording is no key.
- A quantity is one number where its bounds are equal to it, and [low, expected, high] where they are not.
- A number that follows from time is text with a tilde: "~12.5". All others follow from the workload, the settings and
  chance. A number follows from time if it differs as soon as AWS's latencies do.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from costs.plan.settings import Settings
from tests.unit.planning import PLANNER, workload

PATH = Path(__file__).with_name("plans.json")

type Case = Mapping[str, Any]
type Golden = dict[str, Any]


def plan_of(case: Case, latencies: float = 1.0) -> Golden:
    """The case's plan, with AWS's latencies so many times as long; each of its units is [low, expected, high].

    This is the tests' only door to the planner.
    """
    longer = {each.name: each.value * latencies for each in PLANNER.assumptions.figures if each.name.endswith("_ms")}
    planner = replace(
        PLANNER,
        quotas=PLANNER.quotas.with_(case.get("quotas", {})),
        assumptions=PLANNER.assumptions.with_(longer),
    )
    plan = planner(case["architecture"], workload(**case["workload"]), Settings(**case["settings"])).to_json()
    lines = plan["bill"]["lines"]
    phases = {phase["name"]: [phase["start"], phase["end"]] for phase in plan["timing"]["phases"]}
    return {
        "bottleneck": plan["bottleneck"],
        "seconds": {"all": plan["seconds"], **phases},
        "dollars": {"all": plan["dollars"], "own work": plan["bill"]["own"], **dollars_by_price(lines)},
        "units": units_by_price(lines),
    }


def dollars_by_price(lines: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The bill's dollars by price."""
    sums: defaultdict[str, float] = defaultdict(float)
    for line in lines:
        sums[line["price"]] += line["dollars"]
    return dict(sorted(sums.items()))


def units_by_price(lines: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """The bill's [low, expected, high] by price and key."""
    sums: defaultdict[str, dict[str, list[float]]] = defaultdict(dict)
    for line in lines:
        rows, own = sums[line["price"]], ["own"] if line["own"] else []
        key = " ".join([line["function"] or "-", line["operation"] or "-", *own])
        more = [line["low"], line["quantity"], line["high"]]
        rows[key] = [before + each for before, each in zip(rows.get(key, [0.0] * 3), more, strict=True)]
    return {price: dict(sorted(rows.items())) for price, rows in sorted(sums.items())}


def golden_plans() -> list[dict[str, Any]]:
    """The cases of plans.json, each with its golden `plan`."""
    return json.loads(PATH.read_text())
