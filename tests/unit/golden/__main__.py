"""`python -m tests.unit.golden` writes plans.json anew: the same workloads, with the plans as they are now.

Do so only where plans are meant to change: a price or a quota has, the handlers call AWS more or less often,
or a workload was added. Say in the commit which rows changed, and why. Never do so to make a refactoring pass.

To add a workload, add an entry with `name`, `architecture`, `workload` and `settings` to plans.json.
"""

import json
from typing import Any

from tests.unit.golden.plans import PATH, Case, golden_plans, plan_of

OTHER_LATENCIES = (0.6, 1.5)
"""What differs when AWS's latencies are so many times as long follows from time."""


def main() -> None:
    """Write the file."""
    entries = [entry({name: value for name, value in case.items() if name != "plan"}) for case in golden_plans()]
    PATH.write_text("[\n" + ",\n".join(entries) + "\n]\n")


def entry(case: Case) -> str:
    """A case with its plan as JSON, a line a price."""
    plan = plan_of(case)
    others = [plan_of(case, latencies) for latencies in OTHER_LATENCIES]
    units = {
        price: {key: marked(bounds, [other["units"].get(price, {}).get(key) for other in others])
                for key, bounds in rows.items()}
        for price, rows in plan["units"].items()
    }  # fmt: skip
    lines = [f'{{"name": {text(case["name"])}, "architecture": {text(case["architecture"])}']
    lines += [f" {text(name)}: {text(case[name])}" for name in ("workload", "settings", "quotas") if name in case]
    lines.append(f' "plan": {{"bottleneck": {text(plan["bottleneck"])}')
    lines += [f"  {text(name)}: {text(rounded(plan[name]))}" for name in ("seconds", "dollars")]
    lines.append('  "units": {\n' + ",\n".join(f"   {text(price)}: {text(rows)}" for price, rows in units.items()))
    return ",\n".join(lines) + "}}}"


def marked(bounds: list[float], others: list[list[float] | None]) -> Any:
    """A quantity as plans.json has it."""
    shown = [
        number(each, 10) if all(other and number(other[at], 10) == number(each, 10) for other in others)
        else f"~{number(each, 6)}"
        for at, each in enumerate(bounds)
    ]  # fmt: skip
    return shown[0] if len(set(map(str, shown))) == 1 else shown


def number(value: float, digits: int) -> float | int:
    """So many digits of it; whole numbers without a point."""
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() else short


def rounded(value: Any) -> Any:
    """All its numbers in six digits."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else number(value, 6)


def text(value: Any) -> str:
    return json.dumps(value)


if __name__ == "__main__":
    main()
