"""What a run says: a line for every round, and what came of all of them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from costs.format import seconds
from tests.chaos.checker import COLUMNS, Finding
from tests.chaos.evidence import Evidence
from tests.chaos.outcome import Outcome
from tests.chaos.plans import KINDS


def replay(outcome: Outcome) -> str:
    """The command that runs the round again."""
    return f"make chaos SEED={outcome.seed} BATCHES={len(outcome.specs)}"


def round_line(outcome: Outcome, batches: int) -> str:
    """One round, and how many batches there were so far."""
    ends = ", ".join(f"{count} {status}" for status, count in sorted(outcome.statuses.items()))
    faults = ", ".join(f"{count} {kind}" for kind, count in sorted(outcome.injected.items())) or "no faults"
    verdict = "all well" if outcome.well else "FAILED"
    return f"seed {outcome.seed}, {seconds(outcome.seconds)}, {batches} batches so far: {ends}; {faults}; {verdict}"


def judged(outcomes: Sequence[Outcome]) -> list[tuple[Evidence, list[Finding]]]:
    """Every generation of every batch, and what was found of it."""
    return [pair for outcome in outcomes for pair in zip(outcome.evidence, outcome.findings, strict=True)]


def found(outcomes: Sequence[Outcome]) -> Counter[str]:
    """In how many batches there was something to find, by column."""
    return Counter(column for _, findings in judged(outcomes) for column in {finding.column for finding in findings})


def injected(outcomes: Sequence[Outcome]) -> Counter[str]:
    """How many faults there were, by kind."""
    return sum((outcome.injected for outcome in outcomes), Counter())


def table(outcomes: Sequence[Outcome], took: float) -> Group:
    """All rounds together."""
    batches = Table(title="Chaos", caption=f"{len(outcomes)} rounds in {seconds(took)}")
    if late := latest(outcomes):
        batches.caption = f"{batches.caption}; at the latest {seconds(late)} after the deadline"
    for name in ("", "batches", "redrives", *COLUMNS):
        batches.add_column(name, justify="right" if name else "left")
    for architecture in ("sqs", "sfn"):
        mine = [
            (evidence, findings) for evidence, findings in judged(outcomes) if evidence.architecture == architecture
        ]
        redrives = sum(evidence.generation > 1 for evidence, _ in mine)
        counts = [sum(any(f.column == column for f in findings) for _, findings in mine) for column in COLUMNS]
        cells = [Text(str(count), "bold red" if count else "green") for count in counts]
        if mine:
            batches.add_row(architecture, str(len(mine) - redrives), str(redrives), *cells)
    ends = Table("status", title="How they ended")
    ends.add_column("batches", justify="right")
    for status, count in sum((outcome.statuses for outcome in outcomes), Counter[str]()).most_common():
        ends.add_row(status, str(count))
    faults = Table("fault", title="Faults injected")
    faults.add_column("times", justify="right")
    for kind in sorted(KINDS):
        faults.add_row(kind, f"{injected(outcomes)[kind]:,}")
    return Group(ends, faults, batches)


def latest(outcomes: Sequence[Outcome]) -> float | None:
    """The most seconds after its deadline that an event was accepted; None where all came before."""
    overtimes = [evidence.overtime for evidence, _ in judged(outcomes) if evidence.overtime and evidence.overtime > 0]
    return max(overtimes, default=None)


def to_json(outcomes: Sequence[Outcome], took: float) -> dict[str, Any]:
    """The same for programs."""
    return {
        "seconds": round(took, 1),
        "batches": sum(len(outcome.specs) for outcome in outcomes),
        "redrives": sum(evidence.generation > 1 for evidence, _ in judged(outcomes)),
        "latestSecondsAfterDeadline": latest(outcomes),
        "statuses": dict(sum((outcome.statuses for outcome in outcomes), Counter())),
        "injected": dict(injected(outcomes)),
        "found": {column: found(outcomes)[column] for column in COLUMNS},
        "failures": [
            {"seed": outcome.seed, "replay": replay(outcome), "found": outcome.texts()}
            for outcome in outcomes
            if not outcome.well
        ],
    }
