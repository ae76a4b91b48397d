"""The figures as a table, and as JSON."""

import os
import platform
from collections.abc import Sequence
from statistics import median
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from bench.figures import Figure
from costs.format import seconds

BASELINES = (
    "Baselines: one state item per item, deleted 25 a call or one by one. Rates: from the start to the arrival of "
    "Batch Finished."
)
MINISTACK = (
    "MiniStack 1.5.33: the same templates, packages, client and batches, in the same round; what had to be changed "
    "stands in bench/ministack/workarounds.py. Times: how many times as fast Rollcall is, or as little of what less of "
    "is better. MiniStack counts no billing units, injects no faults, records no permissions and keeps no functions' "
    "logs."
)
LIMITS = "The engines run on one machine: this compares designs and predicts nothing of AWS."
# Of a report that goes to a file: its longest lines with several rounds.
WIDTH = 132
VERDICTS = {True: Text("met", "green"), False: Text("missed", "bold red"), None: Text("")}


def machine() -> dict[str, Any]:
    """The machine of the measurements. `load` is the number of processes that wanted a core in the minute before."""
    return {
        "cores": os.process_cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def amount(value: float, unit: str) -> str:
    """`12,345 items/s`, `9.53 s`, `14.1 x`: three significant digits, or all digits before the point."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}"


def wanted(figure: Figure) -> str:
    """The goal with its direction."""
    if figure.goal is None:
        return ""
    return f"{'≥' if figure.more_is_better else '≤'} {figure.goal:,g} {figure.unit}"


def verdict(figures: Sequence[Figure]) -> str:
    """A line about all goals together."""
    judged = [figure for figure in figures if figure.goal is not None]
    missed = [figure.name for figure in judged if not figure.met]
    if missed:
        return f"{len(missed)} of {len(judged)} goals missed: {'; '.join(missed)}"
    return f"all {len(judged)} goals met"


def report(figures: Sequence[Figure], measured_on: dict[str, Any], took: float) -> Group:
    """The table, the verdict and the machine, for a Rich console. `took`: seconds of the whole run."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    several = max(len(figure.values) for figure in figures) > 1
    beside = any(figure.peer for figure in figures)
    table.add_column("")
    table.add_column(("Rollcall" if beside else "median") if several or beside else "measured", justify="right")
    if several:
        table.add_column("best", justify="right")
    if beside:
        table.add_column("MiniStack", justify="right")
        table.add_column("times", justify="right")
    table.add_column("goal", style="dim")
    table.add_column("")
    for figure in figures:
        best = [amount(figure.best, figure.unit) if len(figure.values) > 1 else ""] if several else []
        measured = amount(figure.median, figure.unit)
        peer = beside_peer(figure) if beside else []
        table.add_row(figure.name, measured, *best, *peer, wanted(figure), VERDICTS[figure.met])
    place = "{cores} cores, load {load} at the start, {system}, Python {python}".format(**measured_on)
    notes = [BASELINES, *([MINISTACK] if beside else []), LIMITS]
    note = Text(f"{place}; took {seconds(took)}\n{' '.join(notes)}", "dim")
    return Group("", table, "", verdict(figures), note)


def beside_peer(figure: Figure) -> list[str]:
    """MiniStack's value, and how many times as good Rollcall's is."""
    if not figure.peer:
        return ["", ""]
    times = amount(median(figure.ratios), "x") if figure.ratios else ""
    return [amount(median(figure.peer), figure.unit), times]


def to_json(figures: Sequence[Figure], measured_on: dict[str, Any], took: float) -> dict[str, Any]:
    """The same as one object; times of a figure are in its `unit`."""
    return {
        "machine": measured_on,
        "tookSeconds": round(took, 1),
        "figures": [figure.to_json() for figure in figures],
    }
