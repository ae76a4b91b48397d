"""The console in a real browser: a batch from its start to its end, each page in each state, and what is refused."""

import http.client
import json
import re
import urllib.error
import urllib.request
from contextlib import ExitStack, closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from rollcall.console.looks import Pace
from rollcall.target.connection import Connection
from rollcall.target.meter_client import fetch_meter
from rollcall.target.target import Target
from tests.clock import Clock
from tests.e2e.console.conftest import PHONE, Console, Visitor, answer, ended, live, served, visiting
from tests.e2e.inputs import items
from tests.e2e.stacks import Stacks
from tests.e2e.test_explain import disabled
from tests.probes import eventually

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\u202e"
PAGES = ("/batches", "/failures", "/flow", "/compare", "/plan?items=1000", "/tune?items=1000", "/sandbox", "/start")


@pytest.fixture(scope="module", autouse=True)
def _in_real_time(real_time: None) -> None:
    """Nothing jumps while a person watches."""


@pytest.fixture(scope="module")
def failed(stacks: Stacks) -> str:
    """A batch with failed items of two causes, one of them hostile."""
    _, rows = items(12)
    for number in (2, 5, 7):
        rows[number]["do"] = "fail"
    rows[7]["id"] = rows[7]["id"] + HOSTILE
    place = stacks.upload("rows.jsonl", "\n".join(json.dumps(row) for row in rows).encode())
    batch = stacks.start("sqs", input=place, maxAttempts=1, itemsPerChunk=5)
    ended(stacks, batch)
    return batch


@pytest.fixture(scope="module")
def standing(stacks: Stacks) -> Any:
    """A batch of Step Functions' that has ended well."""
    batch = stacks.start("sfn", items=40, itemsPerChunk=10, maxValue=0)
    ended(stacks, batch)
    return batch


def test_a_batch_is_started_by_the_form_and_watched_to_its_end_without_a_reload(visitor: Visitor, stacks: Stacks):
    page = visitor.open("/start")
    page.get_by_label("Random items").fill("300")
    page.get_by_label("Items of a chunk", exact=False).first.fill("10")
    page.get_by_label("Longest work of an item").fill("400")
    expect(page.locator("#command")).to_contain_text(
        "rollcall run sqs --items 300 --items-per-chunk 10 --max-value 400"
    )
    page.get_by_label("Or real items").set_input_files(files=[{"name": "a b.csv", "mimeType": "", "buffer": b"id"}])
    expect(page.locator("#command")).to_contain_text("--input 'a b.csv'")
    page.get_by_label("Or real items").set_input_files(files=[])
    page.get_by_role("button", name="Start").click()
    ran = page.locator(".ran")
    expect(ran).to_contain_text("done")
    batch = re.search(r"--batch-id (\S+)", ran.inner_text())
    assert batch
    page.get_by_role("link", name=batch[1]).click()
    live(page)
    page.evaluate("window.kept = true")
    answer(page).to_have_text(re.compile(r"^The last item will be done (in|within) \d"))
    expect(page.get_by_text("deadline in")).to_be_visible()
    answer(page).to_have_text(re.compile(r"^Done at \d\d:\d\d:\d\d\.\d{3}$"), timeout=60_000)
    expect(page.locator(".lead")).to_contain_text(re.compile(r"event [\d.]+ s (later|after its end)"))
    assert page.locator(".bar").first.get_attribute("aria-label") == "300 done"
    expect(page.get_by_role("cell", name="Batch Finished arrived")).to_be_visible()
    finished, rate = page.locator(".plot").all()
    expect(finished.locator("canvas")).to_have_count(1)
    # A busy machine is looked at too seldom for a rate of this batch.
    expect(rate.locator("canvas")).to_have_count(int(len(json.loads(rate.get_attribute("data-series") or "")[0]) > 1))
    expect(page.get_by_role("row", name=re.compile("In all"))).to_contain_text("$0.000")
    assert page.evaluate("window.kept")


def test_why_a_batch_stands_is_said_on_its_page_and_in_the_flow_with_what_that_rests_on(
    visitor: Visitor, stacks: Stacks
):
    with disabled(stacks, stacks.sqs["ProcessorFunctionName"]):
        batch = stacks.start("sqs", items=10, maxValue=0)
        for path in ("/flow", f"/batches/sqs/{batch}/1"):
            page = visitor.open(path)
            rests = page.locator(f"#evidence-{batch}")
            rests.locator("summary").click()
            expect(rests).to_contain_text("sealed")
            expect(rests).to_contain_text("deadline")
            page.close()
    ended(stacks, batch)


def test_ten_viewers_cost_the_engine_one_look(
    browser: Browser, connection: Connection, target: Target, failed: str, console: Console
):
    # The console of the other tests looks now and then, even if nobody looks at it.
    console.watch.stop()
    with served(connection, target) as own, visiting(browser, own) as visitor, ExitStack() as viewers:
        own.watch.looks.pace = Pace(3600.0)
        live(visitor.open())
        [cookie] = visitor.context.cookies()
        before = reads(connection)
        for _ in range(9):
            assert failed in viewers.enter_context(closing(Viewer(own, cookie))).seen
        # A look that was under way may have ended meanwhile; nine looks are nine queries at least.
        assert reads(connection) - before < 9
        own.watch.looks.due_at_once()
        eventually(lambda: more(connection, before))


class Viewer:
    """Another browser that shows the list, without the weight of one: it has `seen` the first message of the stream."""

    def __init__(self, console: Console, cookie: Any) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(console.base).netloc, timeout=30)
        headers = {"Cookie": f"{cookie['name']}={cookie['value']}", "Accept": "text/event-stream"}
        self._connection.request("GET", "/batches", headers=headers)
        answer, self.seen = self._connection.getresponse(), ""
        while line := answer.readline().decode().strip():
            self.seen += line

    def close(self) -> None:
        """Close the window."""
        self._connection.close()


def more(connection: Connection, before: float) -> None:
    assert reads(connection) > before


def reads(connection: Connection) -> float:
    """Calls that query the table from outside, as the meter counts them."""
    rows = fetch_meter(connection.endpoint or "")["rows"]
    return sum(row["calls"] for row in rows if (row["by"], row["operation"]) == ("client", "Query"))


def test_failures_of_one_cause_are_one_row_and_hostile_texts_are_shown_as_they_are(visitor: Visitor, failed: str):
    page = visitor.open(f"/failures?batch=sqs/{failed}")
    answer(page).to_contain_text("3 failed items, 1 cause")
    page.get_by_text("3 samples").click()
    expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
    assert page.locator("img").count() == 0
    assert "\\x1b[31m" in page.locator("#live").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all rows").click()
    rows = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert [row["do"] for row in rows] == ["fail"] * 3
    visitor.assert_accessible(page)


def test_a_batch_that_failed_offers_a_redrive_that_shows_its_command_and_asks_once(visitor: Visitor, failed: str):
    page = visitor.open(f"/batches/sqs/{failed}/1")
    answer(page).to_contain_text("Failed at")
    page.get_by_role("link", name="Redrive").click()
    expect(page.locator("code")).to_contain_text(f"rollcall redrive {failed} --architecture sqs --no-wait")
    page.get_by_role("button", name="Redrive").click()
    expect(page.locator(".ran")).to_contain_text("generation 2")
    page.goto(f"{visitor.console.base}/batches/sqs/{failed}/2")
    answer(page).to_contain_text("Failed at", timeout=60_000)


def test_a_running_batch_is_cancelled(visitor: Visitor, stacks: Stacks):
    batch = stacks.start("sqs", items=400, itemsPerChunk=5, maxValue=1000, itemConcurrency=1)
    page = visitor.open()
    page.get_by_role("link", name=batch).click()
    page.get_by_role("link", name="Cancel").click()
    expect(page.locator("#main")).to_contain_text("would remain, and can be redriven")
    page.get_by_role("button", name="Cancel the batch").click()
    answer(page).to_contain_text("Cancelled at", timeout=60_000)
    assert page.get_by_role("link", name="Redrive").is_visible()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_live_fits_a_phone_and_has_nothing_against_it(
    browser: Browser, console: Console, visitor: Visitor, failed: str, standing: str, path: str
):
    page = visitor.open(path)
    live(page)
    visitor.assert_accessible(page)
    with visiting(browser, console, color_scheme="dark", reduced_motion="reduce") as small:
        narrow = small.open(path)
        narrow.set_viewport_size(PHONE)
        small.assert_accessible(narrow)
        assert narrow.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_batch_of_step_functions_two_side_by_side_and_a_chunk(visitor: Visitor, failed: str, standing: str):
    page = visitor.open(f"/batches/sfn/{standing}")
    answer(page).to_contain_text("Done at")
    visitor.assert_accessible(page)
    page.goto(f"{visitor.console.base}/compare?a=sqs/{failed}/1&b=sfn/{standing}/1")
    expect(page.get_by_role("row", name=re.compile("Items a second"))).to_be_visible()
    page.goto(f"{visitor.console.base}/batches/sqs/{failed}/1")
    box = page.locator(".map").bounding_box()
    assert box
    page.mouse.click(box["x"] + 3, box["y"] + 3)
    answer(page).to_have_text("Chunk 0: done")
    expect(page.locator("pre")).to_contain_text("item failed")


def test_the_cheapest_settings_are_searched_for_on_a_page_that_says_how_far_it_is(visitor: Visitor):
    page = visitor.open("/plan")
    page.get_by_role("link", name="Search for them").click()
    page.get_by_label("Items").fill("2000")
    page.get_by_label("Deadline").fill("15m")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("row", name=re.compile("recommended"))).to_contain_text("items per chunk")
    expect(page.locator("#live")).to_contain_text("Cheapest within 15 min")
    page.get_by_label("Deadline").fill("1s")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".notice")).to_contain_text("no plan meets the deadline of 1 s")


def test_without_javascript_everything_can_be_read_and_filtered(browser: Browser, console: Console, failed: str):
    with visiting(browser, console, java_script_enabled=False) as visitor:
        page = visitor.open("/batches")
        page.get_by_label("Batch", exact=False).first.fill(failed)
        page.get_by_role("button", name="Show").click()
        assert f"q={failed}" in page.url
        page.get_by_role("link", name=failed).first.click()
        answer(page).to_contain_text("Failed at")
        expect(page.get_by_role("row", name=re.compile("In all"))).to_be_visible()


def test_keys_lead_to_the_pages_and_the_filter(visitor: Visitor, failed: str):
    page = visitor.open("/flow")
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.wait_for_url("**/batches")
    page.keyboard.press("/")
    expect(page.locator("#filter")).to_be_focused()
    page.keyboard.type("g b ?")
    expect(page.locator("#filter")).to_have_value("g b ?")
    page.locator("#filter").blur()
    page.evaluate("window.kept = true")
    with page.expect_navigation():
        page.keyboard.press("r")
    assert page.evaluate("window.kept") is None
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_faults_are_set_and_cleared_and_the_clock_is_moved(visitor: Visitor, clock: Clock, connection: Connection):
    page = visitor.open("/sandbox")
    expect(page.locator("#live")).to_contain_text(f"{connection.engine} engine · healthy")
    page.get_by_label("The plan").fill('{"faults": [{"kind": "nonsense"}]}')
    page.get_by_role("button", name="Put it in force").click()
    expect(page.locator("#main")).to_contain_text("nonsense")
    visitor.errors = [error for error in visitor.errors if "400 (Bad Request)" not in error]
    page.goto(f"{visitor.console.base}/sandbox")
    page.get_by_label("The plan").fill('{"faults": [{"kind": "delay", "operation": "NoSuch", "seconds": 1}]}')
    page.get_by_role("button", name="Put it in force").click()
    expect(page.get_by_role("rowheader", name="delay")).to_be_visible()
    page.get_by_role("button", name="End all faults").click()
    expect(page.get_by_text("No faults.")).to_be_visible()
    before = clock.show()["offsetSeconds"]
    page.get_by_label("By").fill("90s")
    page.get_by_role("button", name="Advance").click()
    expect(page.locator(".ran")).to_contain_text("rollcall clock advance 90s")
    eventually(lambda: _ahead(clock, before + 89))


def _ahead(clock: Clock, seconds: float) -> None:
    assert clock.show()["offsetSeconds"] >= seconds


def test_a_console_that_only_reads_offers_no_action_and_refuses_all(
    browser: Browser, connection: Connection, target: Target, failed: str
):
    with served(connection, target, allowed=False) as console, visiting(browser, console) as visitor:
        page = visitor.open(f"/batches/sqs/{failed}/1")
        answer(page).to_contain_text("Failed at")
        assert page.get_by_role("link", name="Redrive").count() == 0
        [cookie] = visitor.context.cookies()
        headers = {"Cookie": f"{cookie['name']}={cookie['value']}", "Origin": console.base}
        asked = urllib.request.Request(f"{console.base}/batches/sqs/{failed}/1/redrive", b"", headers)
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(asked)


def test_what_is_no_batch_is_refused_in_words(visitor: Visitor):
    for path in ("/batches/sqs/--aws/1", "/batches/ec2/x/1", "/failures?batch=sqs/../x", "/batches/sqs/nobody/1", "/x"):
        page = visitor.open(path)
        expect(page.locator(".lead")).not_to_be_empty()
        page.close()
    visitor.errors = [error for error in visitor.errors if "404" not in error]
