"""A page in a real browser gets nothing from the sandbox: Debian's headless Chromium follows it where it leads."""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.state import Sandbox
from tests.requirements import lacking

HOST = "evil.example"
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=2000"),
    f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
)
REFUSED = "The sandbox answers no browser"
# What a page can do with the URL of a request, apart from reading the answer.
PAGES = {
    "script": '<meta name="referrer" content="no-referrer"><script>location.href = "{url}"</script>',
    "form": """<form method="post" action="{url}"><input name="a" value="b"></form>
        <script>document.forms[0].submit()</script>""",
    "everything": """<img src="{url}"><iframe src="{url}"></iframe><link rel="stylesheet" href="{url}">
        <link rel="prefetch" href="{url}"><form method="post" action="{url}" target="inner"></form>
        <iframe name="inner"></iframe><script>
        document.forms[0].submit(); fetch("{url}", {{mode: "no-cors"}}); navigator.sendBeacon("{url}", "x");
        fetch("{url}", {{method: "POST", mode: "no-cors", body: "x"}}); new WebSocket("{url}".replace("http", "ws"));
        </script>""",
}


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium")
    if not found:
        lacking("chromium", "Debian's chromium is not installed")
    return found or ""


@pytest.fixture(scope="module")
def page() -> Iterator[Callable[[str, str], str]]:
    """`page("form", url)` is the address of a page of the attacker's that does that with `url`."""
    urls: dict[str, str] = {}

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/")
            if name == "redirect":
                self.send_response(302)
                self.send_header("Location", urls[name])
                self.end_headers()
                return
            self.send_response(200 if name in PAGES else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            if name in PAGES:
                self.wfile.write(PAGES[name].format(url=urls[name]).encode())

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def address(name: str, url: str) -> str:
        urls[name] = url
        return f"http://{HOST}:{server.server_port}/{name}"

    yield address
    server.shutdown()
    server.server_close()


@pytest.fixture
def visit(chromium: str, tmp_path: Path) -> Callable[[str], str]:
    """`visit(url)` opens it in a browser, and returns the text of the page where that ended up."""

    def visit(url: str) -> str:
        command = [chromium, *QUIET, f"--user-data-dir={tmp_path}", "--dump-dom", url]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    return visit


def create_queue(sandbox: Sandbox, name: str) -> str:
    """A URL that makes a queue when it is asked for by GET or POST: its path switches LocalStack's own check off."""
    query = urlencode({"Action": "CreateQueue", "QueueName": name})
    return f"{sandbox.endpoint}/_aws/execute-api/x?{query}"


@pytest.mark.parametrize("way", ["redirect", "script", "form"])
def test_a_page_that_leads_to_the_sandbox_ends_at_its_refusal(sandbox: Sandbox, aws, page, visit, way: str):
    name = f"navigation-{way}"
    assert REFUSED in visit(page(way, create_queue(sandbox, name)))
    assert "QueueUrls" not in aws("sqs").list_queues(QueueNamePrefix=name)


def test_nothing_that_a_page_loads_or_sends_is_obeyed(sandbox: Sandbox, aws, page, visit):
    visit(page("everything", create_queue(sandbox, "page-everything")))
    assert "QueueUrls" not in aws("sqs").list_queues(QueueNamePrefix="page-everything")


def test_an_attackers_name_for_this_machine_reads_nothing(sandbox: Sandbox, visit):
    assert REFUSED in visit(f"http://{HOST}:{sandbox.port}/_rollcall/meter")
