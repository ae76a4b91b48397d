"""The console's application: its pages, its files and its actions, behind the guard."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from rollcall.console.actions import Actions
from rollcall.console.page import Page, Pages
from rollcall.console.pages.actions import (
    cancel,
    do_cancel,
    do_redrive,
    do_start,
    redrive,
    start,
    start_command,
)
from rollcall.console.pages.batch import batch
from rollcall.console.pages.batches import batches
from rollcall.console.pages.chunks import chunk, chunks
from rollcall.console.pages.compare import compare, plan
from rollcall.console.pages.failures import failed_rows, failures
from rollcall.console.pages.flow import flow
from rollcall.console.pages.sandbox import do_clock, do_faults, sandbox
from rollcall.console.pages.tune import tune
from rollcall.console.security import Guard
from rollcall.console.watch import Watch
from rollcall.target.target import Target

BATCH = "/batches/{architecture}/{batch_id}/{generation:int}"
STATIC = Path(__file__).with_name("static")


def application(watch: Watch, target: Target, token: str, port: int, allowed: bool) -> tuple[ASGIApp, Pages]:
    """The guarded application, and its pages, whose `ending` ends their streams."""
    actions = Actions(target, allowed)
    pages = Pages(watch, actions, target)

    async def home(_: Request) -> Response:
        return RedirectResponse("/batches", 303)

    async def missing(request: Request, _: Exception) -> Response:
        shows = {"message": f"There is no page {request.url.path}", "hint": ""}
        return await pages.answer(request, lambda _: Page("problem.html", "No page", shows, status=404))

    routes = [
        Route("/", home),
        Route("/batches", pages.endpoint(batches)),
        Route("/batches/{architecture}/{batch_id}", pages.endpoint(batch)),
        Route(BATCH, pages.endpoint(batch)),
        Route(f"{BATCH}/chunks", pages.endpoint(chunks)),
        Route(f"{BATCH}/chunk", pages.endpoint(chunk)),
        Route(f"{BATCH}/cancel", pages.endpoint(cancel), methods=["GET"]),
        Route(f"{BATCH}/cancel", pages.action(do_cancel), methods=["POST"]),
        Route(f"{BATCH}/redrive", pages.endpoint(redrive), methods=["GET"]),
        Route(f"{BATCH}/redrive", pages.action(do_redrive), methods=["POST"]),
        Route("/start", pages.endpoint(start), methods=["GET"]),
        Route("/start", pages.action(do_start), methods=["POST"]),
        Route("/start/command", pages.text(start_command)),
        Route("/failures", pages.endpoint(failures)),
        Route("/failures/rows", pages.download(failed_rows)),
        Route("/flow", pages.endpoint(flow)),
        Route("/compare", pages.endpoint(compare)),
        Route("/plan", pages.endpoint(plan)),
        Route("/tune", pages.endpoint(tune)),
        Route("/sandbox", pages.endpoint(sandbox)),
        Route("/sandbox/faults", pages.action(do_faults), methods=["POST"]),
        Route("/sandbox/clock", pages.action(do_clock), methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    app = Starlette(routes=routes, exception_handlers={404: missing})
    return Guard(app, token, port), pages
