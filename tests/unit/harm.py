"""A process in which an item does harm: `python -m tests.unit.harm WHICH CONCURRENCY`, with its report in a file.

A process of its own, because what is closed and changed here belongs to whoever runs the tests.
"""

import _thread
import gc
import io
import json
import locale
import logging
import logging.config
import os
import signal
import socket
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from handlers.aws import settings, telemetry
from handlers.aws.surroundings import put_back
from handlers.core.run_items import run_items

LOGGER = logging.getLogger("somebody's")


def close_streams() -> None:
    sys.stdout.close()
    sys.stderr.close()


def close_descriptors() -> None:
    os.close(1)
    os.close(2)
    # Whoever opens something next gets them.
    kept.append(socket.socket())
    kept.append(socket.socket())


def redirect_to_what_is_closed() -> None:
    sys.stdout = io.StringIO()
    sys.stdout.close()
    sys.stderr = None  # type: ignore[assignment]


def change_variables() -> None:
    os.environ.clear()
    os.environ["TABLE_NAME"] = "another"


def change_folder() -> None:
    with tempfile.TemporaryDirectory() as gone:
        os.chdir(gone)


def damage_logging() -> None:
    logging.disable(logging.CRITICAL)
    logging.root.handlers.clear()
    logging.root.setLevel(logging.CRITICAL)
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": True})
    logging.setLogRecordFactory(lambda *_, **__: 1 / 0)  # type: ignore[arg-type, return-value]
    logging.root.addFilter(lambda record: bool(1 / 0))
    logging.shutdown()


def set_alarm() -> None:
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("the alarm"))
    signal.setitimer(signal.ITIMER_REAL, 0.05)


kept: list[socket.socket] = []
HARM: dict[str, Callable[[], object]] = {
    "closes the streams": close_streams,
    "closes the descriptors": close_descriptors,
    "redirects the streams": redirect_to_what_is_closed,
    "changes variables": change_variables,
    "changes the folder": change_folder,
    "sets the umask": lambda: os.umask(0o777),
    "damages logging": damage_logging,
    "makes warnings errors": lambda: warnings.simplefilter("error"),
    "sets an alarm": set_alarm,
    "interrupts": _thread.interrupt_main,
    "empties the path": sys.path.clear,
    "collects no garbage": gc.disable,
    "allows little recursion": lambda: sys.setrecursionlimit(150),
    "hurries sockets": lambda: socket.setdefaulttimeout(0.001),
    "speaks otherwise": lambda: locale.setlocale(locale.LC_CTYPE, "POSIX"),
}


def surroundings() -> tuple:
    """What the next item finds, and whether it can be used."""
    os.write(1, b"")
    os.write(2, b"")
    print("out")
    print("err", file=sys.stderr)
    umask = os.umask(0)
    os.umask(umask)
    return (
        os.fstat(1).st_ino,
        os.fstat(2).st_ino,
        dict(os.environ),
        os.getcwd(),
        umask,
        logging.root.handlers[:],
        logging.root.filters[:],
        logging.root.level,
        LOGGER.isEnabledFor(logging.ERROR),
        logging.getLogRecordFactory(),
        warnings.filters[:],
        [signal.getsignal(number) for number in signal.valid_signals()],
        signal.getitimer(signal.ITIMER_REAL),
        sys.path[:],
        gc.isenabled(),
        sys.getrecursionlimit(),
        socket.getdefaulttimeout(),
        locale.setlocale(locale.LC_ALL),
    )


def main(harm: str, concurrency: int, report: Path) -> None:
    """Let two items do the harm, and write down what the process is like before and after."""
    logging.root.addHandler(logging.StreamHandler())
    os.environ["BEFORE"] = "it"
    before = surroundings()
    telemetry.output._file = os.open(report.with_suffix(".log"), os.O_CREAT | os.O_WRONLY)
    with put_back():
        results = run_items({n: {"id": str(n)} for n in range(2)}, lambda _: HARM[harm](), concurrency, lambda _: True)
        telemetry.logger.warning("items failed", count=3)
        telemetry.put_metrics({"workMs": 7}, ItemsProcessed=2)
        defaults = settings.request_defaults()
    after = surroundings()
    # An alarm that was set would ring now.
    time.sleep(0.1)
    differ = [(repr(was), repr(now)) for was, now in zip(before, after, strict=True) if was != now]
    settled = len(results.done) + len(results.failed)
    report.write_text(json.dumps({"differ": differ, "settled": settled, "settings": defaults}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
