"""`rollcall tune`: the cheapest or fastest settings that meet a deadline, searched over the plan."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

from rich.markup import escape

from bootstrap.problem import Problem
from costs.facts.assumptions import Assumptions
from costs.facts.prices import PriceBook
from costs.facts.quotas import Quotas
from costs.format import seconds
from costs.plan.fixed import LONGEST_DEADLINE
from costs.plan.planner import Planner
from costs.plan.settings import Settings, Workload
from costs.tune.lacking import nothing_possible, too_slow
from costs.tune.memory_curve import MemoryCurve
from costs.tune.planned import Planned
from costs.tune.report import report
from costs.tune.search import search
from costs.tune.space import space
from costs.tune.stack_parameters import in_sandbox, parameters
from costs.tune.study import Study, study
from rollcall.commands.plan import quota_values
from rollcall.commands.tune_confirm import Confirmation, confirm
from rollcall.commands.tune_view import print_confirmations, print_study, study_json
from rollcall.commands.up import bring_up
from rollcall.target.connection import Connection, connect_sandbox
from rollcall.target.target import SandboxTarget
from rollcall.terminal.console import print_json, print_next, stderr, stdout, steps
from rollcall.views.plan import basis

DURATION = re.compile(r"(\d{1,7})([smhd])")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a search was asked for. `deadline` is as on the command line, `confirm` how many plans to try out here."""

    workload: Workload
    deadline: str
    objective: str
    architecture: str | None
    memory_curve: str | None
    most_concurrency: int | None
    most_item_concurrency: int | None
    quotas: Sequence[str]
    prices: Path | None


def tune(target: SandboxTarget, asked: Asked, confirm_best: int, apply: bool, html: Path | None, as_json: bool) -> None:
    """Search, show, and where asked for confirm, apply and write the report. Raises Problem."""
    began = time.monotonic()
    if not asked.workload.items:
        raise Problem("--items 0: there is nothing to tune", "give 1 at least")
    deadline_seconds = duration_of(asked.deadline)
    check_writable(html)
    quotas = quota_values(asked.quotas)
    planner = Planner(Quotas.load().with_(quotas), Assumptions.load(), PriceBook.load(asked.prices))
    sandbox = connect_sandbox(target) if confirm_best or apply else None
    with steps("searching") as say:
        made = studied(asked, deadline_seconds, planner, say)
    took = time.monotonic() - began
    changed = [f"{name}={value:,g}" for name, value in quotas.items()]
    rests_on = basis(planner.book, planner.quotas, planner.assumptions, changed)
    if html:
        write(html, report(made, rests_on.plain))
    if not as_json:
        print_study(made)
    confirmations = confirmed(made, confirm_best, sandbox, planner) if sandbox and confirm_best else []
    left_out = applied(target, made.best) if apply else []
    if as_json:
        print_json(answer(made, planner, confirmations, left_out if apply else None, took))
        return
    if confirmations:
        print_confirmations(confirmations)
    if apply:
        print_applied(left_out)
    stdout.print()
    stdout.print(rests_on)
    stdout.print(f"[dim]{len(made.found.tried):,} plans in {seconds(took)}[/]")
    if html:
        stdout.print(f"report: [bold]{escape(str(html))}[/]", soft_wrap=True)
    if not apply:
        print_next(next_commands(target, made.best))


def studied(asked: Asked, deadline_seconds: float, planner: Planner, say: Any) -> Study:
    """The search and the views on it. Raises Problem where nothing meets the deadline, or nothing is possible."""
    curve = MemoryCurve.parse(asked.memory_curve) if asked.memory_curve else MemoryCurve()
    names = (asked.architecture,) if asked.architecture else ("sqs", "sfn")
    longest = min(LONGEST_DEADLINE[name] for name in names)
    if deadline_seconds > longest:
        raise Problem(f"--deadline {asked.deadline}: a batch has {longest // 86_400} days at most", "give less")
    base = replace(Settings(), deadline_seconds=max(Settings().deadline_seconds, int(deadline_seconds)))
    where = space(
        names,
        base=base,
        curve=curve,
        most_concurrency=asked.most_concurrency,
        most_item_concurrency=asked.most_item_concurrency,
    )
    found = search(asked.workload, where, deadline_seconds, asked.objective, planner, say=say)
    if not found.tried:
        raise nothing_possible(asked.workload, where, planner)
    if found.best is None:
        raise too_slow(found.fastest, deadline_seconds, planner, asked.most_concurrency)
    say("looking around the best")
    return study(
        asked.workload,
        where,
        deadline_seconds,
        asked.objective,
        found,
        found.best,
        planner,
        asked.most_item_concurrency,
    )


def duration_of(text: str) -> int:
    """Seconds of `90s`, `15m`, `2h` or `1d`. Raises Problem."""
    match = DURATION.fullmatch(text)
    if not match or not int(match[1]):
        raise Problem(f"--deadline {text}: expected a number and a unit", "such as 90s, 15m, 2h or 1d")
    return int(match[1]) * UNITS[match[2]]


def check_writable(path: Path | None) -> None:
    """Raise Problem, before the search, for a report that has no place."""
    if path and path.is_dir():
        raise Problem(f"--html {path}: is a folder", "name a file, such as tune.html")
    if path and not path.parent.is_dir():
        raise Problem(f"--html {path}: there is no folder {path.parent}", "make it first, or name another")


def write(path: Path, page: str) -> None:
    """Write the report. Raises Problem."""
    try:
        path.write_text(page)
    except OSError as error:
        raise Problem(f"--html {path}: {error.strerror}") from error


def confirmed(made: Study, number: int, sandbox: Connection, planner: Planner) -> list[Confirmation]:
    """Scaled-down batches of the best `number` plans."""
    return confirm(made, number, sandbox, planner, planner.book, say_line)


def say_line(line: str) -> None:
    """Progress beside the progress of a batch, which has its own display."""
    stderr.print(line, style="dim", markup=False, soft_wrap=True)


def applied(target: SandboxTarget, best: Planned) -> list[str]:
    """Redeploy both stacks of the running sandbox with the plan's parameters; what the sandbox cannot be told."""
    values, left_out = in_sandbox(best)
    bring_up(target, "auto", values)
    return left_out


def print_applied(left_out: Sequence[str]) -> None:
    """Say what the sandbox has now, and what it has not."""
    stdout.print(
        "\n[green]✓[/] both stacks of the sandbox have these parameters; all others have their defaults", soft_wrap=True
    )
    for each in left_out:
        stdout.print(f"  [yellow]left out:[/] {escape(each)}", soft_wrap=True)


def next_commands(target: SandboxTarget, best: Planned) -> dict[str, str]:
    """What to try now."""
    here, there = (
        " ".join(f"--parameter {quote(f'{name}={value}')}" for name, value in values.items())
        for values in (in_sandbox(best)[0], parameters(best))
    )
    return {
        target.command(f"up {here}"): "these settings in the sandbox",
        f"python -m bootstrap deploy --aws --stack {best.architecture} {there}": "in your AWS account",
    }


def answer(
    made: Study, planner: Planner, confirmations: Sequence[Confirmation], left_out: list[str] | None, took: float
) -> dict[str, Any]:
    """What `--json` prints."""
    extra: dict[str, Any] = {}
    if confirmations:
        cost = sum(each.scaled.dollars for each in confirmations)
        extra["confirmed"] = {"batches": [each.to_json() for each in confirmations], "onAwsDollars": cost}
    if left_out is not None:
        extra["applied"] = {"parameters": in_sandbox(made.best)[0], "leftOut": left_out}
    book = planner.book
    return {
        **study_json(made),
        **extra,
        "prices": {"region": book.region, "date": str(book.date)},
        "searchSeconds": round(took, 3),
    }
