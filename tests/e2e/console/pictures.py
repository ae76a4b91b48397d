"""Takes the two pictures of docs/console: `python -m tests.e2e.console.pictures`, beside `rollcall console`."""

import shutil
import subprocess
import sys
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect, sync_playwright

from rollcall.target.console_address import console_url
from sandbox.host import control
from sandbox.state import REPOSITORY

WIDTH = 1240
PLACE = REPOSITORY / "docs" / "console"
# Two that have ended, so that an event has arrived, then two to be seen.
BEFORE = (("sqs", "--items=100"), ("sfn", "--items=100"))
SEEN = (
    ("sqs", "--items=6000", "--max-value=600", "--fail-rate=0.002", "--batch-id=orders"),
    ("sfn", "--items=9000", "--max-value=400", "--batch-id=invoices"),
)


def run(*words: str) -> None:
    """Run a command of Rollcall's."""
    subprocess.run([sys.executable, "-m", "rollcall", "run", *words], check=True)


def take(page: Page, address: str, file: str, height: int, sign: str) -> None:
    """Take a picture of a page once it shows the sign."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.goto(address)
    expect(page.locator("#live")).to_contain_text(sign, timeout=60_000)
    expect(page.locator("#connection")).to_have_text("live")
    page.screenshot(path=PLACE / file, animations="disabled")


def main() -> None:
    """Take them."""
    url = console_url(control.project())
    assert url, "start `rollcall console` first"
    base = f"http://{urlsplit(url).netloc}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(url)
        for words in BEFORE:
            run(*words)
        for words in SEEN:
            run(*words, "--items-per-chunk=10", "--no-wait")
        page.goto(f"{base}/batches/sqs/orders")
        expect(page.locator(".map .done")).to_have_count(1, timeout=60_000)
        # The rate is known, and a third is done.
        page.wait_for_timeout(12_000)
        take(page, f"{base}/flow", "flow.png", 790, "after the last item")
        take(page, f"{base}/batches/sqs/orders", "batch.png", 1060, "deadline in")
        browser.close()


if __name__ == "__main__":
    main()
