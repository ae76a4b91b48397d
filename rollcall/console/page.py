"""A page: a template and what it shows, rendered whole or its live part alone, again and again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import escape
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from bootstrap.printable import printable
from costs.format import count, dollars, seconds
from rollcall.console.actions import Actions
from rollcall.console.searches import Searches
from rollcall.console.watch import Watch
from rollcall.console.words import moment
from rollcall.target.target import Target
from rollcall.terminal.errors import EXPECTED, explained

HERE = Path(__file__).parent
STREAM = "text/event-stream"
# The pages look for news so often. It is Looks that decides when there is a new look.
STREAM_SECONDS = 1.0
# A comment line now and then tells a browser that the console is still there.
SILENT_SECONDS = 10.0


@dataclass(frozen=True)
class Asked:
    """What a page is asked for."""

    watch: Watch
    actions: Actions
    target: Target
    searches: Searches
    path: Mapping[str, Any]
    query: QueryParams


@dataclass(frozen=True)
class Page:
    """A template and what it shows. `error` says why what is shown is old."""

    template: str
    title: str
    shows: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    status: int = 200


type View = Callable[[Asked], Page]
type Act = Callable[[Asked, Mapping[str, Any]], str]
"""Does what a form asks for, and returns the path of the page that comes next."""


def environment() -> Environment:
    """The templates' environment. Everything that a template prints is escaped, and its control characters too."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    made.filters |= {"count": count, "dollars": dollars, "seconds": seconds, "moment": moment}
    return made


class Pages:
    """Serves views with the templates. `shared` is what every page shows."""

    def __init__(self, watch: Watch, actions: Actions, target: Target) -> None:
        self._watch, self._actions, self._target = watch, actions, target
        self._searches = Searches()
        self._environment = environment()
        self.ending = False

    def endpoint(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of a view."""

        async def serve(request: Request) -> Response:
            return await self.answer(request, view)

        return serve

    async def answer(self, request: Request, view: View) -> Response:
        """The view's page or, where that is accepted, a stream of its live part."""
        if STREAM in request.headers.get("accept", ""):
            return StreamingResponse(self._stream(request, view), media_type=STREAM)
        page = await run_in_threadpool(self._page, request, view)
        return HTMLResponse(await run_in_threadpool(self._whole, request, page), page.status)

    def action(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of what a form asks for. Its own page comes next, or one that says why it was not done."""

        async def serve(request: Request) -> Response:
            async with request.form() as form:
                try:
                    path = await run_in_threadpool(act, self._asked(request), form)
                except EXPECTED as error:
                    page = problem(error)
                    return HTMLResponse(self._whole(request, page), 400)
            self._watch.looks.due_at_once()
            return RedirectResponse(path, 303)

        return serve

    def text(self, view: Callable[[Asked], str]) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of a part of a page that is a text."""

        async def serve(request: Request) -> Response:
            try:
                said = await run_in_threadpool(view, self._asked(request))
            except EXPECTED as error:
                said = explained(error)[0]
            return HTMLResponse(escape(printable(said)))

        return serve

    def download(self, view: Callable[[Asked], tuple[str, Iterator[str]]]) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of a file: its name, and its lines as they are read."""

        async def serve(request: Request) -> Response:
            try:
                name, lines = await run_in_threadpool(view, self._asked(request))
            except EXPECTED as error:
                return HTMLResponse(self._whole(request, problem(error)), 404)
            headers = {"Content-Disposition": f'attachment; filename="{name}"'}
            return StreamingResponse(lines, media_type="text/plain; charset=utf-8", headers=headers)

        return serve

    def _asked(self, request: Request) -> Asked:
        return Asked(
            self._watch, self._actions, self._target, self._searches, request.path_params, request.query_params
        )

    async def _stream(self, request: Request, view: View) -> AsyncIterator[str]:
        """The page's live part, as a message whenever it differs."""
        last, silent = "", 0.0
        while not self.ending:
            page = await run_in_threadpool(self._page, request, view)
            live = await run_in_threadpool(self._live, request, page)
            if live != last:
                yield "".join(f"data: {line}\n" for line in live.splitlines()) + "\n"
                last, silent = live, 0.0
            elif silent >= SILENT_SECONDS:
                yield ": still here\n\n"
                silent = 0.0
            await asyncio.sleep(STREAM_SECONDS)
            silent += STREAM_SECONDS

    def _page(self, request: Request, view: View) -> Page:
        try:
            return view(self._asked(request))
        except EXPECTED as error:
            return problem(error)

    def _whole(self, request: Request, page: Page) -> str:
        return self._environment.get_template(page.template).render(self._shown(request, page))

    def _live(self, request: Request, page: Page) -> str:
        template = self._environment.get_template(page.template)
        context = template.new_context(self._shown(request, page))
        return "".join(template.blocks["live"](context)) if "live" in template.blocks else ""

    def _shown(self, request: Request, page: Page) -> dict[str, Any]:
        """What the page shows, and what every page does."""
        target = self._target
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        ran = self._actions.find(request.query_params.get("ran", ""))
        return {
            "title": page.title,
            "error": page.error,
            "here": here,
            "live": request.method == "GET",
            "place": self._watch.connection.place,
            "sandbox": not target.aws,
            "may_act": self._actions.allowed,
            "spending": self._watch.looking_costs(),
            "ran": ran,
            "query": request.query_params,
            **page.shows,
        }


def number_in(text: str | None, default: int, most: int) -> int:
    """A number of a query from 1 to `most`; the default for anything else."""
    return int(text) if text and text.isdecimal() and text.isascii() and 1 <= int(text[:9]) <= most else default


def problem(error: Exception) -> Page:
    """The page that says why another is not shown, or why something was not done."""
    message, hint = explained(error)
    return Page("problem.html", "That does not work", {"message": message, "hint": hint or ""}, status=404)
