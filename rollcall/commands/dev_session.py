"""What `rollcall dev` shows beside the edits: what the functions print, and that a debugger attaches."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.text import Text

from bootstrap.printable import printable
from bootstrap.problem import Problem
from rollcall.batches.function_logs import NewLines, known_functions
from rollcall.target.connection import Connection
from rollcall.target.debugger import Debugger, leave
from rollcall.terminal.console import stdout
from rollcall.terminal.errors import EXPECTED
from rollcall.terminal.log_lines import colours_of, is_routine, line

LOOK_SECONDS = 1.0


class DebugSession:
    """Lets the processors join the debugger as long as it is attached, and tells when that begins and ends."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._debugger: Debugger | None = None
        self._changing = threading.Lock()

    def renew(self) -> None:
        """Let in what was deployed meanwhile."""
        with self._changing:
            if self._debugger:
                changed(self._debugger.let_in, self._connection)

    def follow(self, debugger: Debugger) -> None:
        """Tell and do what follows from each change, until the debugger is closed."""
        for attached in debugger.changes():
            with self._changing:
                self._debugger = debugger if attached else None
                changed(debugger.let_in if attached else leave, self._connection)
            print_note(
                "the debugger is attached: one item at a time; while it is stopped, the sandbox's clock stands still"
                if attached
                else "the debugger is detached: your code runs as before"
            )


@contextmanager
def debugging(connection: Connection, folder: Path | None, port: int | None) -> Iterator[DebugSession]:
    """Let debuggers attach at `port` meanwhile, if there is one. Raises Problem if that cannot be."""
    if port and connection.engine == "docker":
        raise Problem(
            "--debug needs the native engine: the debugger listens on this machine's loopback, where no container "
            "reaches it",
            "`rollcall down`, then `rollcall up --engine native`",
        )
    with suppress(*EXPECTED):
        leave(connection)  # what a command has set that was killed
    session = DebugSession(connection)
    if not port:
        yield session
        return
    try:
        with Debugger(port, folder) as debugger:
            print_note(f"waiting for VS Code, or another client of debugpy, to attach at 127.0.0.1:{port}")
            threading.Thread(target=session.follow, args=[debugger], daemon=True).start()
            yield session
    finally:
        with suppress(*EXPECTED):  # the sandbox may have ended
            leave(connection)


@contextmanager
def shown_lines(connection: Connection) -> Iterator[None]:
    """Show meanwhile what the functions log, but for what they log of every invocation."""
    over = threading.Event()

    def show() -> None:
        lines: NewLines | None = None
        colours: dict[str, str] = {}
        while not over.is_set():
            with suppress(*EXPECTED):  # while the engine is busy; that it has ended is found elsewhere
                if not lines:
                    known = known_functions(connection)
                    colours = colours_of(known)
                    lines = NewLines(connection, known, round(connection.now().timestamp() * 1000))
                for event, role in lines.look():
                    if not is_routine(event["message"]):
                        stdout.print(line(event["timestamp"], role, event["message"], colours[role]), soft_wrap=True)
            over.wait(LOOK_SECONDS)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def changed(change: Callable[[Connection], None], connection: Connection) -> None:
    """Change the functions; if that fails, say so and go on."""
    try:
        change(connection)
    except EXPECTED as error:
        print_note(f"the functions could not be changed for the debugger: {error}")


def print_note(text: str) -> None:
    """Print what is told of the debugger, with the time."""
    time = f"{datetime.now(UTC).astimezone():%H:%M:%S} "
    stdout.print(Text.assemble((time, "dim"), printable(text)), soft_wrap=True)
