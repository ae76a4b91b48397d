"""Golden plans: the plans of workloads that differ in every setting stay as they are.

What follows from the workload alone is equal to the digit: every billed quantity and its bounds, and the bottleneck.
Log bytes, and what follows from the model of time, stay within 2%; so do the dollars of these. Which is which, and how
quantities are keyed: tests/unit/golden/plans.py. How to accept other plans: `python -m tests.unit.golden`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from costs.plan.settings import Settings
from tests.unit.golden.plans import Case, golden_plans, plan_of

CASES = golden_plans()
TOLERANCE = 0.02
EXACT = 1e-9
SIX_DIGITS = 1e-5
"""Seconds, dollars and what follows from time are kept in six digits."""
LOGS = "logs.bytes"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_plan_is_the_golden_one(case: Case) -> None:
    golden, plan = case["plan"], plan_of(case)
    assert plan["bottleneck"] == golden["bottleneck"]
    lines = [
        *unit_differences(golden["units"], plan["units"]),
        *second_differences(golden["seconds"], plan["seconds"]),
        *dollar_differences(golden, plan["dollars"]),
    ]
    assert not lines, f"{case['name']}: golden plan, and plan now\n" + "\n".join(lines)


def test_the_workloads_differ_in_every_setting() -> None:
    """Each is given by two of them at least."""
    changed = [name for case in CASES for name in case["settings"]]
    assert {name for name in vars(Settings()) if changed.count(name) < 2} == set()
    assert len({case["name"] for case in CASES}) == len(CASES) >= 60


def unit_differences(golden: Mapping[str, Any], plan: Mapping[str, Any]) -> Iterator[str]:
    """Every quantity that differs, or that only one of them has."""
    for price in sorted(golden.keys() | plan.keys()):
        rows, now = golden.get(price, {}), plan.get(price, {})
        for key in sorted(rows.keys() | now.keys()):
            kept = rows.get(key, 0)
            bounds = kept if isinstance(kept, list) else [kept] * 3
            found = now.get(key, [0.0] * 3)
            for name, one, other in zip(("low", "expected", "high"), bounds, found, strict=True):
                value, within = expected(price, one)
                if not near(value, other, within):
                    yield f"  {price:28} {key:44} {name:9} {value:>16,.6f} {other:>16,.6f}"


def expected(price: str, kept: float | str) -> tuple[float, float]:
    """A number of plans.json, and how far from it the plan may be, as a share of it."""
    value, timed = (float(kept[1:]), True) if isinstance(kept, str) else (float(kept), False)
    return value, TOLERANCE if timed or price == LOGS else EXACT


def near(value: float, other: float, within: float) -> bool:
    return other == pytest.approx(value, rel=within, abs=EXACT)


def second_differences(golden: Mapping[str, Any], plan: Mapping[str, Any]) -> Iterator[str]:
    """Phases and the whole duration."""
    assert golden.keys() == plan.keys()
    for name, kept in golden.items():
        if plan[name] != pytest.approx(kept, rel=TOLERANCE):
            yield f"  seconds of {name}: {kept} {plan[name]}"


def dollar_differences(golden: Mapping[str, Any], plan: Mapping[str, float]) -> Iterator[str]:
    """Dollars may differ as the quantities they are the price of."""
    kept, units = golden["dollars"], golden["units"]
    assert kept.keys() == plan.keys()
    margins = {price: share(price, rows) * kept[price] for price, rows in units.items()}
    margins["all"] = sum(margins.values())
    [(price, own)] = [(price, each) for price, rows in units.items() if (each := own_rows(rows))]
    margins["own work"] = share(price, own) * kept["own work"]
    for name, margin in margins.items():
        if plan[name] != pytest.approx(kept[name], rel=0, abs=margin + EXACT):
            yield f"  dollars of {name}: {kept[name]} {plan[name]}"


def share(price: str, rows: Mapping[str, Any]) -> float:
    """By which share the dollars of these quantities may differ: as much as the quantities together."""
    pairs = [expected(price, kept[1] if isinstance(kept, list) else kept) for kept in rows.values()]
    whole = sum(value for value, _ in pairs)
    return SIX_DIGITS + (sum(value * within for value, within in pairs) / whole if whole else 0.0)


def own_rows(rows: Mapping[str, Any]) -> dict[str, Any]:
    """The quantities of the user's own work."""
    return {key: kept for key, kept in rows.items() if key.endswith(" own")}
