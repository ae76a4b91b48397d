"""`rollcall faults`: injects failures into the sandbox, and counts them."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from bootstrap.printable import one_line
from bootstrap.problem import Problem
from costs.format import count
from rollcall.target.connection import healthy_sandbox
from rollcall.target.engine_client import ask, require_success
from rollcall.target.target import SandboxTarget, targeted
from rollcall.terminal.console import print_command, print_json, print_table, stdout
from rollcall.terminal.options import Json
from sandbox.faults.plan import AFTER, COUNT, KIND, PROBABILITY, BadPlan, read

PATH = "/_rollcall/faults"
COUNTED = ("seen", "injected")

app = typer.Typer(no_args_is_help=True)


@app.command(
    "set",
    epilog='Example: echo \'{"faults": [{"kind": "kill", "when": "after", "operation": "DeleteItem", '
    '"count": 1}]}\' | [bold]rollcall faults set -[/]',
)
@targeted
def set_plan(
    target: SandboxTarget,
    plan: Annotated[str, typer.Argument(metavar="PLAN.json|-", help="The plan; - reads stdin.", show_default=False)],
) -> None:
    """Start to inject the plan's faults, in place of the plan before. docs/fidelity.md lists the kinds."""
    answer = _request(target, "PUT", _read(plan))
    stdout.print(f"{count(len(answer['faults']), 'fault')} in force, seed {answer['seed']}")
    print_command(target.command("faults show"))


@app.command()
@targeted
def show(target: SandboxTarget, as_json: Json = False) -> None:
    """Show the plan in force and the number of faults that were injected."""
    report = _request(target, "GET")
    if as_json:
        print_json(report)
        return
    if not report["faults"]:
        stdout.print("no faults")
        return
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for heading in ("kind", "where", "how", "when"):
        table.add_column(heading)
    for heading in COUNTED:
        table.add_column(heading, justify="right")
    for fault in report["faults"]:
        table.add_row(*(Text(one_line(cell)) for cell in fault_row(fault)))
    stdout.print(f"seed {report['seed']}", markup=False)
    print_table(table)


@app.command()
@targeted
def clear(target: SandboxTarget) -> None:
    """End all faults."""
    _request(target, "DELETE")
    stdout.print("no faults")


def fault_row(fault: dict[str, Any]) -> list[str]:
    """The columns of one fault: kind, matchers, settings, limits and counts."""
    matchers = ("service", "operation", "function", "queue", "rule")
    limits = (PROBABILITY, COUNT, AFTER)
    settings = [name for name in fault if name not in (KIND, *matchers, *limits, *COUNTED)]

    def listed(names: Any) -> str:
        return ", ".join(f"{name} {fault[name]}" for name in names if name in fault)

    where = listed(matchers) or "anywhere"
    return [fault[KIND], where, listed(settings), listed(limits) or "always", *(count(fault[name]) for name in COUNTED)]


def _read(source: str) -> Any:
    name = "stdin" if source == "-" else source
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text()
        read(text)
    except OSError as error:
        raise Problem(f"{name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Problem(f"{name} is not UTF-8: {error}") from error
    except BadPlan as error:
        raise Problem(f"{name}: {error}") from error
    return json.loads(text)


def _request(target: SandboxTarget, method: str, plan: Any = None) -> Any:
    endpoint = healthy_sandbox(target).endpoint
    status, body = ask(endpoint, method, PATH, None if plan is None else json.dumps(plan))
    require_success(endpoint, method, PATH, status, body)
    return json.loads(body) if body else None
