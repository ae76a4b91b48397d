"""`rollcall clock`, and the time that commands take from a sandbox, against an engine of nothing but a clock."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from bootstrap.problem import Problem
from rollcall.target.clock_client import PATH
from rollcall.target.connection import Connection
from rollcall.views import clock as view
from sandbox.settings import HEALTH_PATH
from tests.unit.commands import NOWHERE, Cli, refused

NOON = "2026-11-26T12:00:00.000Z"
JUMPS = [
    {"from": "2026-11-26T06:00:00.123Z", "to": "2026-11-26T06:15:00.123Z", "what": "a message of queue Checks"},
    {"from": "2026-11-26T06:15:04.000Z", "to": NOON, "what": "the end of the advance"},
]


def clock(now: str = NOON, advancing: bool = False, **values: Any) -> dict[str, Any]:
    """What the engine answers."""
    advance = {"until": NOON, "waitingFor": ["2 invocations of Finalizer"]} if advancing else None
    still = {
        "now": now,
        "offsetSeconds": 21600.0,
        "skip": False,
        "running": {},
        "advancing": advance,
        "next": None,
        "jumps": [],
    }
    return still | values


class FakeEngine(ThreadingHTTPServer):
    """It serves its health and a clock. GETs are answered from `answers`, the last of them again and again."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.answers: list[dict[str, Any]] = [clock()]
        self.refusal: tuple[int, str] | None = None
        self.changes: list[tuple[str, Any]] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def place(self) -> tuple[str, ...]:
        """The options that lead a command here."""
        return (f"--port={self.server_port}", "--project=nobody")


class Requests(BaseHTTPRequestHandler):
    server: FakeEngine

    def do_GET(self) -> None:
        if self.path == HEALTH_PATH:
            self.answer(200, {})
        elif self.path != PATH or not self.server.answers:
            self.answer(404, {})
        else:
            self.answer(200, self.server.answers.pop(0) if self.server.answers[1:] else self.server.answers[0])

    def do_POST(self) -> None:
        self.server.changes.append((self.command, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        if self.server.refusal:
            status, message = self.server.refusal
            self.answer(status, {"message": message})
        else:
            self.answer(202, clock("2026-11-26T06:00:00.123Z", advancing=True))

    def do_DELETE(self) -> None:
        self.server.changes.append((self.command, None))
        self.answer(200, clock())

    def do_PUT(self) -> None:
        change = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.changes.append((self.command, change))
        self.answer(200, clock(skip=change["skip"]))

    def answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing on stderr: tests read it."""


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with FakeEngine() as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield server
        server.shutdown()


@pytest.fixture
def advancing(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """A clock that two jumps bring to noon, once it is advanced. No time passes between two polls."""
    engine.answers = [
        clock("2026-11-26T06:00:00.000Z", jumps=[{"from": NOON, "to": NOON, "what": "long ago"}]),
        clock("2026-11-26T06:15:02.000Z", advancing=True, jumps=JUMPS[:1]),
        clock(jumps=JUMPS),
    ]
    monkeypatch.setattr(view.time, "sleep", lambda _: None)
    return engine


def test_show_tells_the_time_what_is_due_and_the_last_jumps(cli: Cli, engine: FakeEngine) -> None:
    due = {"at": "2026-11-26T12:05:00.000Z", "what": "a message of queue [red]Chunks"}
    engine.answers = [clock(skip=True, next=due, jumps=[*JUMPS[:1] * 20, JUMPS[1]], advancing=True)]
    code, out, _ = cli("clock", "show", *engine.place)
    assert code == 0
    assert f"{NOON}  6 h 00 min ahead of real time" in out
    assert "skip       on" in out
    assert "next       2026-11-26T12:05:00.000Z, in 5 min 00 s: a message of queue [red]Chunks" in out
    assert f"advancing  to {NOON}, waiting for 2 invocations of Finalizer" in out
    assert out.count("2026-11-26T06:15:00.123Z  +15 min 00 s   a message of queue Checks") == 9
    assert out.rstrip().endswith("the end of the advance")


def test_a_clock_that_was_never_moved_is_shown_as_real(cli: Cli, engine: FakeEngine) -> None:
    engine.answers = [clock(offsetSeconds=0.0)]
    _, out, _ = cli("clock", "show", *engine.place)
    assert out.split("\n", 1)[0] == f"{NOON}  real time"
    assert "nothing is due" in out
    assert "jumps" not in out


def test_json_is_the_engines_own_answer(cli: Cli, engine: FakeEngine) -> None:
    _, out, _ = cli("clock", "show", "--json", *engine.place)
    assert json.loads(out) == clock()
    _, out, _ = cli("clock", "skip", "on", "--json", *engine.place)
    assert json.loads(out) == clock(skip=True)


def test_advance_shows_every_new_jump_once_and_ends_with_the_time(cli: Cli, advancing: FakeEngine) -> None:
    code, out, err = cli("clock", "advance", "6h", *advancing.place)
    assert code == 0
    assert advancing.changes == [("POST", {"advanceSeconds": 21600})]
    assert out.strip() == f"{NOON}  6 h 00 min ahead of real time"
    assert "long ago" not in err
    assert [line.partition("  ")[0] for line in err.splitlines() if "+" in line] == [jump["to"] for jump in JUMPS]
    assert "+15 min 00 s   a message of queue Checks" in err
    # A short wait makes no line.
    assert "waiting for" not in err


def test_advance_says_what_it_waits_for_and_json_is_the_clock_at_its_end(
    cli: Cli, advancing: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "PLAIN_LINE_EVERY_SECONDS", 0)
    code, out, err = cli("clock", "advance", "1d", "--json", *advancing.place)
    assert code == 0
    assert advancing.changes == [("POST", {"advanceSeconds": 86400})]
    assert json.loads(out) == clock(jumps=JUMPS)
    assert err.count(f"advancing to {NOON}, waiting for 2 invocations of Finalizer") == 2


def test_ctrl_c_says_that_the_sandbox_goes_on(cli: Cli, advancing: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(view.time, "sleep", interrupt)
    code, out, err = cli("clock", "advance", "6h", *advancing.place)
    assert (code, out) == (130, "")
    assert "the clock stands at 2026-11-26T12:00:00.000Z and goes on in real time" in err
    assert f"rollcall clock show --port {advancing.server_port} --project=nobody" in err


@pytest.mark.parametrize(
    ("status", "message"), [(409, "an advance to 2026-11-26T18:00:00.000Z runs"), (400, "advanceSeconds: too many")]
)
def test_an_advance_that_the_engine_refuses_ends_with_its_words(
    cli: Cli, engine: FakeEngine, status: int, message: str
) -> None:
    engine.refusal = (status, message)
    refused(cli("clock", "advance", "6h", *engine.place), f"error: {message}", "rollcall clock show --port")


@pytest.mark.parametrize(("word", "skip"), [("on", True), ("off", False)])
def test_skip_is_switched(cli: Cli, engine: FakeEngine, word: str, skip: bool) -> None:
    code, out, _ = cli("clock", "skip", word, *engine.place)
    assert (code, out) == (0, f"skip is {word}\n")
    assert engine.changes == [("PUT", {"skip": skip})]


@pytest.mark.parametrize("duration", ["6", "h", "0s", "6 h", "1w", "tomorrow", ""])
def test_a_bad_duration_is_refused_before_any_sandbox_is_asked(cli: Cli, duration: str) -> None:
    refused(cli("clock", "advance", duration, *NOWHERE), f"DURATION {duration}: expected a number and a unit", "1d")


@pytest.mark.parametrize("words", [("skip",), ("skip", "maybe"), ("advance",), ("stop",), ("advance", "-6h")])
def test_a_wrong_command_line_is_refused(cli: Cli, words: tuple[str, ...]) -> None:
    refused(cli("clock", *words, *NOWHERE), "rollcall clock")


COMMANDS = pytest.mark.parametrize("words", [("show",), ("show", "--json"), ("advance", "6h"), ("skip", "on")])


@COMMANDS
def test_without_a_sandbox_the_command_that_starts_one_is_named(cli: Cli, words: tuple[str, ...]) -> None:
    refused(cli("clock", *words, *NOWHERE), "no sandbox answers at http://127.0.0.1:9", "rollcall up")


@COMMANDS
def test_the_clock_of_aws_is_never_moved(cli: Cli, words: tuple[str, ...]) -> None:
    refused(cli("clock", *words, "--aws"), "--aws")


def test_an_engine_without_a_clock_is_named(cli: Cli, engine: FakeEngine) -> None:
    engine.answers = []
    refused(cli("clock", "show", *engine.place), engine.endpoint, "does not serve /_rollcall/clock", "rollcall down")


def now_at(endpoint: str | None) -> datetime:
    """The time of a connection that makes no call of AWS."""
    return Connection(None, "", endpoint).now()  # type: ignore[arg-type]


@pytest.fixture
def is_real() -> Callable[[datetime], bool]:
    """Tells real time, by the time at the test's start."""
    began = datetime.now(UTC)
    return lambda time: began <= time < began + timedelta(minutes=10)


def test_a_connection_has_the_time_of_its_sandbox_as_it_is_now(engine: FakeEngine) -> None:
    engine.answers = [clock(), clock("2027-01-01T00:00:00.000Z")]
    assert now_at(engine.endpoint) == datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert now_at(engine.endpoint) == datetime(2027, 1, 1, tzinfo=UTC)


def test_aws_and_an_engine_without_a_clock_have_real_time(
    engine: FakeEngine, is_real: Callable[[datetime], bool]
) -> None:
    engine.answers = []
    assert is_real(now_at(None))
    assert is_real(now_at(engine.endpoint))


def test_a_sandbox_that_does_not_answer_has_no_time() -> None:
    with pytest.raises(Problem, match=PATH):
        now_at("http://127.0.0.1:9")
