"""The console as a person has it: served for the stacks under test, in Debian's headless Chromium."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, LocatorAssertions, Page, expect, sync_playwright

from bootstrap.aws import session
from rollcall.console.app import application
from rollcall.console.security import new_token
from rollcall.console.server import HOST, Server, kept, listening
from rollcall.console.watch import Watch
from rollcall.target.connection import Connection
from rollcall.target.target import Target
from sandbox.state import Sandbox
from tests.e2e.stacks import Stacks
from tests.probes import eventually
from tests.requirements import lacking

AXE = (Path(__file__).parent / "axe.min.js").read_text()
# For a machine that does much else.
expect.set_options(timeout=30_000)
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@dataclass
class Console:
    """A console that is served: its URL without the token and with it, and what it looks at."""

    base: str
    url: str
    watch: Watch


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium, headless."""
    found = shutil.which("chromium")
    if not found:
        lacking("chromium", "Debian's chromium is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def connection(sandbox: Sandbox, stacks: Stacks) -> Connection:
    """A connection to the stacks under test."""
    return Connection(session(sandbox.endpoint), stacks.suffix, sandbox.endpoint, sandbox.engine)


@contextmanager
def served(
    connection: Connection, target: Target, allowed: bool = True, watch: Watch | None = None, again: str = ""
) -> Iterator[Console]:
    """Serve a console until the end. `again` is the URL of one that has ended, with its port and its token."""
    watch, before = watch or Watch(connection), urlsplit(again)
    token = before.query.removeprefix("token=") or new_token()
    with listening(before.port) as listener:
        port = listener.getsockname()[1]
        app, pages = application(watch, target, token, port, allowed)
        config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=2, ws="none")
        server = Server(config, pages)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            with kept(watch, allowed):
                yield Console(f"http://{HOST}:{port}", f"http://{HOST}:{port}/?token={token}", watch)
        finally:
            pages.ending = server.should_exit = True
            thread.join(20)


@pytest.fixture(scope="module")
def target(sandbox: Sandbox, stacks: Stacks) -> Target:
    """What the console's commands are for."""
    return Target(port=sandbox.port, project=sandbox.project, suffix=stacks.suffix)


@pytest.fixture(scope="module")
def console(connection: Connection, target: Target) -> Iterator[Console]:
    """The console of the stacks under test. It has a queue and looks of its own, so it ends before other tests."""
    with served(connection, target) as console:
        yield console


@dataclass
class Visitor:
    """A browser that has come with the token: the hosts that its pages `went` to, and the `errors` that they said."""

    console: Console
    context: BrowserContext
    went: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)

    def open(self, path: str = "/batches") -> Page:
        """A tab with that page."""
        page = self.context.new_page()
        page.on("console", lambda said: self.errors.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.went.add(request.url.split("/")[2]))
        page.goto(self.console.base + path)
        return page

    def assert_accessible(self, page: Page) -> None:
        """axe-core has nothing to say against the page."""
        page.context.new_cdp_session(page).send("Page.setBypassCSP", {"enabled": True})
        page.reload()
        page.evaluate(AXE)
        found: Any = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        told = [
            (violation["id"], [node["html"][:200] for node in violation["nodes"]]) for violation in found["violations"]
        ]
        assert told == []


@pytest.fixture
def visitor(browser: Browser, console: Console) -> Iterator[Visitor]:
    """A visitor with a wide screen, whose pages must ask no other host and say no error."""
    with visiting(browser, console) as visitor:
        yield visitor


def live(page: Page) -> None:
    """Wait until the page's live part comes from the console."""
    expect(page.locator("#connection")).to_have_text("live")


def answer(page: Page) -> LocatorAssertions:
    """What is expected of the page's headline."""
    return expect(page.locator("h1"))


def ended(stacks: Stacks, batch: str) -> None:
    """Wait until the batch's Batch Finished event has arrived."""

    def check() -> None:
        assert stacks.published(batch), batch

    eventually(check)


@contextmanager
def visiting(browser: Browser, console: Console, **settings: Any) -> Iterator[Visitor]:
    """A visitor until the end, when what its pages asked for and said is judged."""
    with closing(browser.new_context(viewport=WIDE, **settings)) as context:
        visitor = Visitor(console, context)
        page = context.new_page()
        page.goto(console.url)
        page.close()
        yield visitor
    assert visitor.went <= {console.base.removeprefix("http://")}
    assert visitor.errors == []
