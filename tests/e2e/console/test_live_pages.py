"""Pages that one leaves open: they connect again, rest while nobody sees them, and stay small; files are dropped."""

import json
import random
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from handlers.sqs.records import ChunkLeft
from rollcall.batches.batch import Progress
from rollcall.batches.sight import Counts, Key, Map, Sight
from rollcall.console.watch import Watch
from rollcall.target.connection import Connection
from rollcall.target.target import Target
from tests.e2e.console.conftest import Visitor, answer, ended, live, served, visiting
from tests.e2e.inputs import items
from tests.e2e.stacks import Stacks
from tests.probes import consistently, eventually

CHUNKS = 10_000
# What a page may need more for 10,000 chunks than for 10, in elements; and the longest message about them, in bytes.
MORE_ELEMENTS, LONGEST_MESSAGE = 200, 300_000
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module", autouse=True)
def _in_real_time(real_time: None) -> None:
    """Nothing jumps while a person watches."""


def test_a_page_connects_again_by_itself_and_says_when_it_is_not_connected(
    browser: Browser, connection: Connection, target: Target
):
    with closing(browser.new_context()) as context:
        page = context.new_page()
        with served(connection, target) as console:
            page.goto(console.url)
            live(page)
        expect(page.locator("#connection")).to_contain_text("not connected")
        page.evaluate("window.kept = true")
        with served(connection, target, again=console.url):
            live(page)
        assert page.evaluate("window.kept")


def test_a_page_that_nobody_sees_asks_for_nothing(visitor: Visitor):
    page = visitor.open("/sandbox")
    live(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(HIDE, True)
    expect(page.locator("#connection")).to_have_text("paused")
    consistently(lambda: none_of(asked, page))
    page.evaluate(HIDE, False)
    live(page)
    assert asked == [page.url]


def none_of(asked: list[str], page: Page) -> None:
    # Playwright tells of requests while it is asked something.
    assert page.evaluate("document.hidden")
    assert asked == []


def test_a_page_that_is_opened_behind_others_waits_until_it_is_seen(visitor: Visitor):
    visitor.context.add_init_script(f"({HIDE})(true)")
    page = visitor.open("/batches")
    expect(page.locator("#connection")).to_have_text("paused")
    page.evaluate(HIDE, False)
    live(page)


def test_a_file_that_is_dropped_is_the_input_of_a_batch(visitor: Visitor, stacks: Stacks):
    page = visitor.open("/start")
    _, rows = items(3)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    dropped = page.evaluate_handle(
        """text => {
          const carried = new DataTransfer();
          carried.items.add(new File([text], "dropped rows.jsonl"));
          return carried;
        }""",
        text,
    )
    page.dispatch_event(".drop", "dragover", {"dataTransfer": dropped})
    expect(page.locator(".drop")).to_have_class(re.compile("over"))
    page.dispatch_event(".drop", "drop", {"dataTransfer": dropped})
    expect(page.locator("#command")).to_contain_text("--input 'dropped rows.jsonl'")
    page.get_by_role("button", name="Start").click()
    ran = page.locator(".ran")
    expect(ran).to_contain_text("done")
    batch = re.search(r"--batch-id (\S+)", ran.inner_text())
    assert batch
    ended(stacks, batch[1])
    page.goto(f"{visitor.console.base}/batches/sqs/{batch[1]}")
    expect(page.locator(".bar").first).to_have_attribute("aria-label", "3 done")


@pytest.fixture(scope="module")
def two_causes(stacks: Stacks) -> str:
    """A batch with three items that failed once with one error, and one that fails with another."""
    _, rows = items(8)
    for number in (1, 3, 5):
        rows[number]["do"] = "fail-once"
    rows[6]["do"] = "unspeakable"
    place = stacks.upload("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    batch = stacks.start("sqs", input=place, maxAttempts=1, itemsPerChunk=8)
    ended(stacks, batch)
    return batch


def test_the_items_of_one_error_are_redriven_from_the_page_of_failures(
    visitor: Visitor, stacks: Stacks, two_causes: str
):
    page = visitor.open(f"/failures?batch=sqs/{two_causes}")
    answer(page).to_contain_text("4 failed items, 2 causes")
    page.get_by_role("row", name=re.compile("was made to fail")).get_by_role("link", name="Redrive").click()
    expect(page.locator("#main")).to_contain_text("The others stay failed.")
    expect(page.locator("code")).to_contain_text(re.compile(r"rollcall redrive \S+ --architecture sqs '?--error="))
    page.get_by_role("button", name="Redrive").click()
    expect(page.locator(".ran")).to_contain_text("generation 2")
    page.goto(f"{visitor.console.base}/batches/sqs/{two_causes}/2")
    answer(page).to_contain_text("Failed at", timeout=60_000)
    expect(page.locator(".bar").first).to_have_attribute("aria-label", "3 done, 1 failed")


class Prepared:
    """Two open batches, `10` and `10000`, of so many chunks, whose states change with each look."""

    def __init__(self) -> None:
        self.looks = 0

    def latest_generation(self, batch_id: str) -> int:
        return 1

    def request(self, batch_id: str) -> None:
        return None

    def sight(self, batch_id: str, generation: int = 1) -> Sight | None:
        if not batch_id.isdecimal():
            return None
        self.looks += 1
        chosen, chunks, at = random.Random(self.looks), int(batch_id), 10**12 + 1000 * self.looks
        left = tuple(
            ChunkLeft(seq, 10, chosen.randint(0, 2), chosen.choice((0, at + 1)), 0)
            for seq in range(chunks)
            if chosen.random() < 0.5
        )
        counts = Counts(10 * (chunks - len(left)), 0, 0, 10 * len(left), 0)
        progress = Progress("processing", 10 * chunks, counts.done, 0, chunks=chunks, started_at=at)
        return Sight(Key("sqs", batch_id), at, progress, counts, Map(((0, chunks),), left), 10, sealed=True)


class PreparedWatch(Watch):
    """Looks at the prepared batches, and at all else of the sandbox."""

    prepared = Prepared()

    def batches(self, architecture: str) -> Any:
        return self.prepared

    def bill(self, key: Key) -> Any:
        return self.looks.at(("bill", key), lambda: None)

    def keep_history(self) -> None:
        """There is none but that of the page."""


@pytest.fixture
def prepared(browser: Browser, connection: Connection, target: Target) -> Iterator[Visitor]:
    """A visitor of a console that shows the prepared batches."""
    watch = PreparedWatch(connection)
    with served(connection, target, allowed=False, watch=watch) as console, visiting(browser, console) as visitor:
        yield visitor


def test_ten_thousand_chunks_are_few_elements_in_short_messages_that_move_nothing(prepared: Visitor):
    small, large = (prepared.open(f"/batches/sqs/{chunks}/1") for chunks in (10, CHUNKS))
    for page in (small, large):
        live(page)
        page.evaluate(
            """() => {
              window.moved = 0;
              const watch = (list) => { for (const entry of list.getEntries()) window.moved += entry.value; };
              new PerformanceObserver(watch).observe({type: "layout-shift", buffered: false});
              window.messages = [];
              document.addEventListener("htmx:sse:after:message", (event) => window.messages.push(
                document.querySelector("#live").innerHTML.length));
            }"""
        )
    map_before = large.locator(".map").element_handle()
    eventually(lambda: several_messages(large))
    assert elements(large) - elements(small) < MORE_ELEMENTS
    assert max(large.evaluate("window.messages")) < LONGEST_MESSAGE
    # The same element is drawn anew, in its place.
    assert map_before
    assert map_before.evaluate("map => map.isConnected")
    assert large.evaluate("window.moved") == 0


def several_messages(page: Page) -> None:
    assert page.evaluate("window.messages.length") >= 3


def elements(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('*').length"))
