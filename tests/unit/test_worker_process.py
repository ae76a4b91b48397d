"""The process of your code: what becomes of it, and of all that it has started."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from handlers.worker import family
from tests.probes import eventually
from tests.worker import environment, numbered

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # threads of other tests


def process(item: dict) -> None:
    """Hang, if the item says so."""
    time.sleep(3600 if item["do"] else 0)


def test_an_item_that_closes_every_file_and_returns_is_done():
    with environment(lambda item: os.closerange(3, 1024)) as here:
        assert here.run(numbered(3), 1).done == [0, 1, 2]
        assert here.run(numbered(3), 1).done == [0, 1, 2]


def test_a_process_that_ends_whatever_happens_leaves_all_items_and_blames_none(monkeypatch):
    monkeypatch.setattr("handlers.worker.child.received", lambda _: os._exit(4))
    with environment(process) as here:
        began = time.monotonic()
        results = here.run(numbered(5))
        assert time.monotonic() - began < 10
    assert (results.done, results.failed, results.left, results.suspects) == ([], {}, [0, 1, 2, 3, 4], set())


def start_another(item: dict) -> int:
    """Start a process that would live on, hidden as well as it can be; returns when it is there, or hangs."""
    if item["do"] != "start":
        return 0
    code = "import os, sys, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0)\n"
    code += "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(3600)"
    subprocess.run([sys.executable, "-c", code, item["mark"]], check=True)
    while not Path(item["mark"]).exists():
        time.sleep(0.01)
    subprocess.run(["sleep", "3600"], check=True)
    return 1


def test_nothing_that_a_killed_item_has_started_works_on(tmp_path):
    mark, items = tmp_path / "mark", numbered(3, i1="start")
    items[1]["mark"] = str(mark)
    with environment(start_another, item_seconds=0.7) as here:
        results = here.run(items, 3)
    assert results.guilty == {1}
    assert not Path("/proc", mark.read_text()).exists()


def close_the_streams(item: dict) -> None:
    if item["do"] == "redirect":
        sys.stdout = io.StringIO()
    if item["do"]:
        sys.stdout.close()
    print("still heard")


@pytest.mark.parametrize("how", ["close", "redirect"])
def test_after_a_call_in_which_an_item_closed_its_streams_the_next_one_has_them(how):
    with environment(close_the_streams) as here:
        assert here.run(numbered(2, i1=how), 1).done == [0]
        assert here.run(numbered(2), 1).done == [0, 1]


def test_what_an_item_does_to_its_process_or_to_its_item_is_not_known_to_the_function():
    def harm(item: dict) -> None:
        item.clear()
        os.environ.clear()
        raise ValueError

    items = numbered(2)
    with environment(harm) as here:
        assert here.run(items).failed.keys() == {0, 1}
    assert items == numbered(2)
    assert os.environ


def test_a_process_that_ended_between_two_calls_is_replaced():
    with environment(lambda item: threading.Timer(0.01, os._exit, (1,)).start()) as here:
        assert len(here.run(numbered(1)).done) == 1
        before = here.process_id
        eventually(lambda: _is_gone(before))
        assert here.run({}).done == []
        assert len(here.run(numbered(1)).done) == 1


def _is_gone(pid: int) -> None:
    assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_mistake_of_our_own_leaves_no_process_at_its_items(monkeypatch):
    def mistaken(*_: object) -> None:
        raise AssertionError("a mistake")

    with environment(process) as here:
        here.ready()
        before = here.process_id
        with monkeypatch.context() as patch:
            patch.setattr("handlers.worker.round.Round._limit_met", mistaken)
            with pytest.raises(AssertionError, match="a mistake"):
                here.run(numbered(3, i0="hang"))
        assert not Path(f"/proc/{before}").exists()
        assert len(here.run(numbered(3)).done) == 3


def test_a_function_that_was_frozen_blames_no_item(tmp_path):
    """Frozen with its worker, for longer than an item may take."""
    code = (
        "import time; from tests.worker import environment, numbered\n"
        "with environment(lambda item: [time.sleep(0.01) for _ in range(70)] and None, item_seconds=1.2) as here:\n"
        "    here.run(numbered(1)); print('begin', flush=True); print(here.run(numbered(1)).done, flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as function:
        assert function.stdout
        assert function.stdout.readline() == "begin\n"
        family_of_it = [function.pid, *family.children_of(function.pid)]
        for number, seconds in ((signal.SIGSTOP, 1.5), (signal.SIGCONT, 0)):
            for pid in family_of_it:
                os.kill(pid, number)
            time.sleep(seconds)
        assert function.stdout.readline() == "[0]\n"
