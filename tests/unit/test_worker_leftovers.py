"""What an item leaves in its process fails no other item, and what was ended or cancelled works on no more."""

import asyncio
import gc
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from handlers.worker import family
from handlers.worker.messages import MOST_BYTES, Inbox, Outcomes
from tests.probes import eventually
from tests.worker import environment, numbered

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # threads of other tests


def pipe_of_outcomes() -> int:
    (outcomes,) = (one for one in gc.get_objects() if isinstance(one, Outcomes))
    return outcomes._file


def leave(item: dict) -> int | None:
    """Leave behind what the item says, and return; otherwise take a while."""
    if item["do"] == "timer":
        threading.Timer(0.05, os._exit, (1,)).start()
    elif item["do"] == "garbage":
        os.write(pipe_of_outcomes(), b"garbage")
    elif item["do"] == "closed":
        os.closerange(3, 1024)
    else:
        time.sleep(0.1)
        return 1
    return None


@pytest.mark.parametrize("what", ["timer", "garbage", "closed"])
def test_an_item_is_not_blamed_for_what_an_earlier_one_has_left(what):
    with environment(leave) as here:
        results = here.run(numbered(4, i2=what), 1, keep_values=True)
    assert (sorted(results.done), results.failed) == ([0, 1, 2, 3], {})


def test_an_item_that_writes_to_a_file_at_random_reaches_no_connection_of_the_function():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        number = client.fileno()
        service, _ = server.accept()
        with service, environment(lambda item: bool(os.write(number, b"garbage"))) as here:
            assert here.run(numbered(1)).done == [0]
            service.setblocking(False)
            with pytest.raises(BlockingIOError):
                service.recv(100)


def fork(item: dict) -> str:
    """Note the call. An item that is to fork does so, and both processes go on, each its own way."""
    os.write(item["calls"], f"{item['id']} ".encode())
    if item["do"] and os.fork() == 0:
        if item["do"] == "exit":
            sys.exit(0)
        if item["do"] == "raise":
            raise ValueError
    elif item["do"]:
        os.wait()
    return item["id"]


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("how", ["exit", "raise", "return"])
def test_a_copy_of_the_process_that_an_item_forks_processes_no_item_and_reports_none(how, concurrency):
    calls, calls_end = os.pipe()
    items = {index: item | {"calls": calls_end} for index, item in numbered(6, i2=how).items()}
    with environment(fork) as here:
        for _ in range(2):
            results = here.run(items, concurrency, keep_values=True)
            assert results.values == {index: f"i{index}" for index in range(6)}
            assert sorted(os.read(calls, 1000).decode().split()) == [f"i{index}" for index in range(6)]
    os.close(calls)
    os.close(calls_end)


def test_a_copy_of_the_process_that_an_import_forks_reports_nothing():
    def load() -> object:
        if os.fork() == 0:
            sys.exit(0)
        os.wait()
        return type("Module", (), {"process": staticmethod(lambda item: None)})

    with environment(load_work=load) as here:
        assert here.ready()
        assert len(here.run(numbered(3)).done) == 3


async def begin_and_await(item: dict) -> None:
    if item["do"] == "thread":
        await asyncio.to_thread(go_on, item["file"])
    if item["do"] == "process":
        process = await asyncio.create_subprocess_exec("sh", "-c", "while :; do printf x >> $0; done", item["file"])
        await process.wait()
    if item["do"] == "await":
        await asyncio.sleep(3600)


def go_on(file: str) -> None:
    while True:
        with open(file, "a") as opened:
            opened.write("x")
        time.sleep(0.01)


@pytest.mark.parametrize("what", ["thread", "process"])
def test_nothing_that_a_cancelled_item_has_begun_works_on(tmp_path, what):
    mark = tmp_path / "mark"
    items = numbered(3, i1=what)
    items[1]["file"] = str(mark)
    with environment(begin_and_await, item_seconds=1) as here:
        results = here.run(items)
        assert results.failed == {1: "hung: not done after 1 s (item_timeout)"}
        size = mark.stat().st_size
        assert size
        assert len(here.run(numbered(3, i0="await")).done) == 2
        assert mark.stat().st_size == size


class Slow:
    """An object whose end takes very long."""

    def __del__(self) -> None:
        time.sleep(3600)


def keep_and_raise(item: dict) -> None:
    kept = Slow() if item["do"] else None
    raise ValueError(kept is None)


def test_the_end_of_a_failed_items_objects_is_its_own_time():
    with environment(keep_and_raise, item_seconds=0.3) as here:
        results = here.run(numbered(3, i1="hang"), 1)
    assert results.guilty == {1}
    assert {index for index, error in results.failed.items() if error.startswith("ValueError")} == {0, 2}


def detach(item: dict) -> None:
    subprocess.run([sys.executable, "-c", "import os; os.fork() and os._exit(0)"], check=True)


def test_detached_processes_that_have_ended_leave_no_trace():
    """They would fill the table of processes."""
    before = set(family.children_of(os.getpid()))
    with environment(detach) as here:
        here.run(numbered(2), 1)
        eventually(lambda: _only_the_worker(here, before))


def _only_the_worker(here, before: set[int]) -> None:
    here.ready()
    assert set(family.children_of(os.getpid())) - before == {here.process_id}


def test_what_was_told_before_garbage_is_known():
    outcomes, end = os.pipe()
    os.set_blocking(outcomes, False)
    inbox = Inbox(outcomes)
    os.write(end, b'{"place": 1}\ngarbage\n')
    assert (inbox.read(), inbox.is_broken) == ([{"place": 1}], True)
    os.close(outcomes)
    os.close(end)


def test_a_pipe_that_is_written_without_end_is_given_up():
    outcomes, end = os.pipe()
    os.set_blocking(outcomes, False)
    inbox, written = Inbox(outcomes), 0
    while not inbox.is_broken:
        written += os.write(end, b"x" * 10_000)
        inbox.read()
        assert written <= MOST_BYTES + 10_000
    os.close(outcomes)
    os.close(end)
