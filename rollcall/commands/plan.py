"""`rollcall plan`: what a batch of any size will cost on AWS and how long it will take, before anything runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.text import Text

from bootstrap.problem import Problem
from costs.facts.assumptions import Assumptions
from costs.facts.prices import PriceBook
from costs.facts.quotas import Quotas
from costs.plan.alternatives import Alternative, alternatives
from costs.plan.breakeven import BreakEven, break_evens
from costs.plan.lift import Lifted, lifts
from costs.plan.limits import Impossible
from costs.plan.plan import ARCHITECTURES, Plan
from costs.plan.planner import Planner
from costs.plan.settings import Settings, Workload
from rollcall.terminal.console import print_json, stdout, steps
from rollcall.views.plan import basis, comparison, lasting, plan_in_detail, print_refusals, title_of
from rollcall.views.plan_choices import alternatives_table, break_even_table


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A plan that was asked for. `deadline` is one that the batch has to meet; None takes it as long as it takes."""

    workload: Workload
    settings: Settings
    architecture: str | None
    deadline: int | None
    quotas: Sequence[str]
    prices: Path | None


@dataclass
class Found:
    """All that a plan came to; `tried` are the quotas that were given another value."""

    planner: Planner
    tried: dict[str, float]
    plans: dict[str, Plan] = field(default_factory=dict)
    refused: list[tuple[str, Impossible]] = field(default_factory=list)
    lifts: dict[str, list[Lifted]] = field(default_factory=dict)
    break_evens: list[BreakEven] | None = None
    alternatives: list[Alternative] | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it, with the figures that it rests on."""
        book = self.planner.book
        choices = {"breakEven": self.break_evens, "alternatives": self.alternatives}
        return {
            "plans": [
                plan.to_json() | {"lifts": [lifted.to_json() for lifted in self.lifts[architecture]]}
                for architecture, plan in self.plans.items()
            ],
            "refused": [
                {"architecture": architecture, "limit": impossible.limit, "message": impossible.message}
                for architecture, impossible in self.refused
            ],
            **{name: [each.to_json() for each in found] for name, found in choices.items() if found is not None},
            "prices": {"region": book.region, "date": str(book.date)},
            "quotas": {figure.name: figure.value for figure in self.planner.quotas.figures},
            "assumptions": {figure.name: figure.value for figure in self.planner.assumptions.figures},
        }


def plan_batch(asked: Asked, as_json: bool, with_break_even: bool, with_alternatives: bool) -> None:
    """Print the plan. Raises Problem where no architecture can do it, and for quotas that there are none of."""
    tried = quota_values(asked.quotas)
    planner = Planner(Quotas.load().with_(tried), Assumptions.load(), PriceBook.load(asked.prices))
    found = Found(planner, tried)
    for architecture in [asked.architecture] if asked.architecture else ARCHITECTURES:
        try:
            plan = in_time(planner(architecture, asked.workload, asked.settings), asked.deadline)
        except Impossible as impossible:
            found.refused.append((architecture, impossible))
        else:
            found.plans[architecture] = plan
            found.lifts[architecture] = lifts(plan, asked.settings, planner)
    if not found.plans:
        raise Problem("\n".join(f"{architecture}: refused by {reason}" for architecture, reason in found.refused))
    if with_break_even:
        with steps("comparing plans of other sizes and other work"):
            found.break_evens = break_evens(planner, asked.workload, asked.settings)
    if with_alternatives:
        found.alternatives = alternatives(found.plans, planner)
    if as_json:
        print_json(found.to_json())
    else:
        print_found(found)


def in_time(made: Plan, deadline: int | None) -> Plan:
    """The plan, if it meets the deadline. Raises Impossible."""
    if deadline is not None and made.seconds > deadline:
        raise Impossible(
            "DeadlineSeconds",
            f"the batch takes {lasting(made.seconds)}, and is to be done in {deadline:,} s; what holds it up is "
            f"{made.bottleneck}",
        )
    return made


def quota_values(entries: Sequence[str]) -> dict[str, float]:
    """The values of `NAME=VALUE` entries. Raises Problem."""
    values = {}
    for entry in entries:
        name, _, value = entry.partition("=")
        try:
            values[name] = float(value.replace("_", "").replace(",", ""))
        except ValueError as error:
            raise Problem(
                f"--quota {entry}: expected NAME=VALUE with a number", "for example --quota lambda.concurrency=5000"
            ) from error
    return values


def print_found(found: Found) -> None:
    """Print what was planned, side by side and in detail."""
    planner = found.planner
    stdout.print()
    stdout.print(Text(title_of(next(iter(found.plans.values()))), "bold"))
    stdout.print()
    stdout.print(comparison(list(found.plans.values()), found.refused))
    for architecture, plan in found.plans.items():
        stdout.print(plan_in_detail(plan, found.lifts[architecture], planner.quotas, stdout.width))
    print_refusals(stdout, found.refused)
    if found.break_evens is not None:
        stdout.print(break_even_table(found.break_evens))
    if found.alternatives is not None:
        stdout.print(alternatives_table(found.alternatives))
    stdout.print()
    changed = [f"{name}={value:,g}" for name, value in found.tried.items()]
    stdout.print(basis(planner.book, planner.quotas, planner.assumptions, changed))
