"""Sandbox: its faults, its clock, and its engine's health and log."""

import json
from typing import Any
from urllib.parse import urlsplit

from bootstrap.problem import Problem
from costs.format import seconds
from rollcall.batches.sight import epoch_ms
from rollcall.console.page import Asked, Page
from rollcall.console.pages.actions import Form, text_of
from rollcall.console.watch import Watch
from rollcall.console.words import moment
from rollcall.target.engine_client import ask, require_success
from rollcall.target.target import Target
from rollcall.terminal.duration import parse_duration
from rollcall.views.clock import between
from sandbox.faults.plan import BadPlan, read
from sandbox.host import control
from sandbox.state import Sandbox

FAULTS_PATH = "/_rollcall/faults"
LOG_LINES = 60
LOG_SLOWER = 3.0
JUMPS = 5
# A page does not wait for the end of an advance: it shows how it goes.
ADVANCE_PATIENCE_SECONDS = 2.0
EXAMPLE = '{"faults": [{"kind": "kill", "when": "after", "operation": "DeleteItem", "count": 1}]}'


def endpoint_of(watch: Watch) -> str:
    """The sandbox's endpoint. Raises Problem on AWS."""
    if watch.connection.endpoint is None:
        raise Problem("AWS has no faults on demand, and its clock cannot be moved")
    return watch.connection.endpoint


def see_faults(endpoint: str) -> dict[str, Any]:
    """The plan in force and its counts."""
    status, body = ask(endpoint, "GET", FAULTS_PATH)
    require_success(endpoint, "GET", FAULTS_PATH, status, body)
    found: dict[str, Any] = json.loads(body)
    return found


def sandbox(asked: Asked) -> Page:
    """The page."""
    watch, target = asked.watch, asked.target
    endpoint = endpoint_of(watch)
    faults = watch.every("faults", lambda: see_faults(endpoint))
    log = watch.every("engine's log", lambda: log_of(target), LOG_SLOWER)
    engine, clock = watch.connection.engine or "unknown", watch.clock()
    port = urlsplit(endpoint).port or 80
    health = watch.every("health", lambda: Sandbox(engine, port, target.project).healthy())
    shows: dict[str, Any] = {
        "clock": clock and clock_rows(clock),
        "skip": bool(clock and clock["skip"]),
        "jumps": [jump_row(jump) for jump in (clock or {"jumps": []})["jumps"][-JUMPS:]],
        "faults": [fault_cells(fault) for fault in (faults.value or {"faults": []})["faults"]],
        "seed": (faults.value or {"seed": None})["seed"],
        "example": EXAMPLE,
        "engine": engine,
        "healthy": bool(health.value),
        "endpoint": endpoint,
        "log": log.value or "",
        "running": sorted((clock or {"running": {}})["running"].items()),
    }
    return Page("sandbox.html", "Sandbox", shows, faults.error)


def log_of(target: Target) -> str:
    """The end of the engine's log; empty if the engine is not this checkout's."""
    found = control.find(target.project, target.port)
    return control.engine_log(found, LOG_LINES) if found and found.engine in control.ENGINES else ""


def clock_rows(clock: dict[str, Any]) -> dict[str, str]:
    """What the clock shows, by its label."""
    now, due, advancing = epoch_ms(clock["now"]), clock["next"], clock["advancing"]
    rows = {
        "Now": moment(now, exact=True),
        "Ahead of real time": seconds(clock["offsetSeconds"]) if clock["offsetSeconds"] else "no",
        "Skips what nothing runs in": "yes" if clock["skip"] else "no",
        "Due next": f"{due['what']}, in {seconds(max(0, between(clock['now'], due['at'])))}" if due else "nothing",
    }
    if advancing:
        rows["Advancing"] = f"to {moment(epoch_ms(advancing['until']), now)}"
    return rows


def jump_row(jump: dict[str, str]) -> tuple[str, str, str]:
    """A jump: its time, its length, what was due."""
    return moment(epoch_ms(jump["to"])), seconds(between(jump["from"], jump["to"])), jump["what"]


def fault_cells(fault: dict[str, Any]) -> tuple[str, str, int, int]:
    """A fault: its kind, its settings, and how often it was met and injected."""
    settings = ", ".join(f"{name} {value}" for name, value in fault.items() if name not in ("kind", "seen", "injected"))
    return fault["kind"], settings or "anywhere, always", fault["seen"], fault["injected"]


def do_faults(asked: Asked, form: Form) -> str:
    """Put a plan of faults in force, or end all faults."""
    endpoint_of(asked.watch)
    if "clear" in form:
        return f"/sandbox?ran={asked.actions.run(['faults', 'clear']).id}"
    text = text_of(form, "plan")
    try:
        read(text)
    except BadPlan as error:
        raise Problem(str(error), "docs/fidelity.md lists the kinds of faults") from None
    return f"/sandbox?ran={asked.actions.run(['faults', 'set', '-'], stdin=text).id}"


def do_clock(asked: Asked, form: Form) -> str:
    """Advance the clock, or let it skip the time in which nothing runs, or no longer."""
    endpoint_of(asked.watch)
    if (switch := text_of(form, "skip")) in ("on", "off"):
        return f"/sandbox?ran={asked.actions.run(['clock', 'skip', switch]).id}"
    duration = text_of(form, "advance").strip()
    parse_duration("advance", duration)
    action = asked.actions.run(["clock", "advance", duration], patience=ADVANCE_PATIENCE_SECONDS)
    return f"/sandbox?ran={action.id}"
