"""The parts of the sandbox's clock: waits that follow it, what counts as running, the times of schedules."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from localstack.utils.scheduler import ScheduledTask

from sandbox.clock import clock as clock_module
from sandbox.clock import periodic, timers, wall
from sandbox.clock.clock import CLOCK
from sandbox.clock.stillness import RUNNING, Run
from sandbox.clock.timers import TIMERS, Due
from sandbox.engine.schedules import next_time
from tests.probes import eventually

HOUR = 3600

type Dues = list[Due]


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    """This process's clock goes back at the end."""
    sources = CLOCK.sources.copy()
    yield
    CLOCK._shared[0] = 0
    CLOCK.skip, CLOCK.sources = False, sources


def jump(seconds: float) -> None:
    CLOCK._shared[0] += round(seconds * 1e9)
    TIMERS.wake()


def in_thread(work) -> timers.Thread:
    thread = timers.Thread(target=work, daemon=True)
    thread.start()
    return thread


def waiting() -> None:
    assert TIMERS.due()


def test_a_periodic_task_does_not_make_up_for_the_runs_that_a_jump_leaves_out():
    periodic.install()
    task = ScheduledTask(lambda: None, period=1)
    task.deadline = time.time()
    jump(HOUR)
    task.set_next_deadline()
    assert time.time() - 1 < task.deadline <= time.time() + 1


def test_a_jump_ends_the_waits_that_are_due_and_no_others():
    results: dict[int, bool] = {}
    threads = [
        threading.Thread(target=lambda hours=hours: results.update({hours: timers.Event().wait(hours * HOUR)}))
        for hours in (1, 3)
    ]
    for thread in threads:
        thread.daemon = True
        thread.start()
    eventually(lambda: expect(len(TIMERS.due()), 2))
    jump(2 * HOUR)
    threads[0].join()
    assert results == {1: False}
    assert len(TIMERS.due()) == 1
    jump(2 * HOUR)
    threads[1].join()
    assert results == {1: False, 3: False}


def test_an_event_that_is_set_and_cleared_at_once_ends_the_wait():
    event, results = timers.Event(), list[bool]()
    thread = in_thread(lambda: results.append(event.wait(HOUR)))
    eventually(waiting)
    event.set()
    event.clear()
    thread.join()
    assert results == [True]


def test_an_event_that_is_set_during_a_look_ends_the_wait_after_it():
    event = timers.Event()
    sets = event.sets
    event.set()
    event.clear()
    assert event.poll(60, since=sets)
    assert not event.poll(0.01, since=event.sets)


def test_a_thread_does_not_count_while_it_waits_and_counts_again_before_the_one_that_ends_its_wait_goes_on():
    event = timers.Event()
    go_on = threading.Event()
    thread = in_thread(lambda: (event.wait(HOUR), go_on.wait()))
    eventually(waiting)
    assert not RUNNING.names()
    event.set()
    assert RUNNING.names() == {"thread": 1}
    go_on.set()
    thread.join()
    assert not RUNNING.names()


def test_a_thread_whose_wait_a_jump_ends_counts_before_the_jump_is_over():
    go_on = threading.Event()
    thread = in_thread(lambda: (timers.sleep(HOUR, ""), go_on.wait()))
    eventually(waiting)
    jump(2 * HOUR)
    assert RUNNING.names() == {"thread": 1}
    go_on.set()
    thread.join()


def test_one_that_waits_for_a_thread_counts_again_before_that_thread_counts_no_more():
    """Every look finds one of the two."""
    seen, begun, looked, over = set[int](), threading.Event(), threading.Event(), threading.Event()
    inner = timers.Thread(target=begun.wait, daemon=True)
    inner.start()
    outer = in_thread(lambda: (inner.join(HOUR), over.wait()))
    eventually(waiting)
    looker = threading.Thread(target=lambda: [seen.add(RUNNING.names().total()) for _ in iter(looked.is_set, True)])
    looker.start()
    begun.set()
    inner.join()
    looked.set()
    looker.join()
    over.set()
    outer.join()
    assert seen <= {1, 2}


def test_a_process_follows_the_offset_with_every_function_that_tells_the_time():
    look = (
        "import sys; from sandbox.clock import wall; wall.follow_file(sys.argv[1])\n"
        "import datetime, json, time\n"
        "class Sub(datetime.datetime): pass\n"
        "assert type(Sub.now()) is Sub and type(datetime.datetime.now()) is datetime.datetime\n"
        "tz = datetime.timezone(datetime.timedelta(hours=3))\n"
        "assert datetime.datetime.now(tz).utcoffset() == datetime.timedelta(hours=3)\n"
        "print(json.dumps([time.time(), datetime.datetime.now(tz).timestamp(), time.mktime(time.localtime()),"
        " datetime.datetime.today().timestamp(), time.clock_gettime(time.CLOCK_REALTIME), time.time_ns() / 1e9]))"
    )
    CLOCK._shared[0] = 400 * 86_400 * 10**9
    seen = subprocess.run([sys.executable, "-c", look, CLOCK.shared], capture_output=True, check=True, text=True)
    assert all(abs(at - time.time()) < 60 for at in json.loads(seen.stdout))


def test_a_clock_that_is_held_stands_still_and_goes_on_from_there():
    look = (
        "import sys; from sandbox.clock import wall; wall.follow_file(sys.argv[1])\n"
        "import json, time\n"
        "print(json.dumps([time.time(), wall.running_monotonic()]))"
    )

    def elsewhere() -> list[float]:
        done = subprocess.run([sys.executable, "-c", look, CLOCK.shared], capture_output=True, check=True, text=True)
        return json.loads(done.stdout)

    before = time.time()
    with CLOCK.held():
        with CLOCK.held():
            stood = [time.time(), wall.running_monotonic()]
            assert elsewhere() == stood
        assert elsewhere() == [time.time(), wall.running_monotonic()] == stood
    assert before <= stood[0] <= time.time() < stood[0] + 1
    assert CLOCK.offset_seconds < 0
    eventually(lambda: went_on(stood[1]))


def went_on(monotonic: float) -> None:
    assert wall.running_monotonic() > monotonic


def test_a_clock_that_is_held_does_not_jump():
    at = time.time() + HOUR
    CLOCK.skip = True
    CLOCK.sources.append(lambda: [Due(at, "a schedule")] if time.time() < at else [])
    with CLOCK.held():
        CLOCK._step()
        assert time.time() < at
    eventually(stepped_beyond(at))


def stepped_beyond(at: float) -> Callable[[], None]:
    def step() -> None:
        CLOCK._step()
        assert time.time() >= at

    return step


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("rate(1 minute)", "2026-11-26T10:31:30"),
        ("rate(6 hours)", "2026-11-26T16:30:30"),
        ("rate(2 days)", "2026-11-28T10:30:30"),
        ("cron(0 * * * ? *)", "2026-11-26T11:00:00"),
        ("cron(0/15 * * * ? *)", "2026-11-26T10:45:00"),
        ("cron(30 10 * * ? *)", "2026-11-27T10:30:00"),
        ("cron(0 0 1 * ? *)", "2026-12-01T00:00:00"),
        ("cron(0 6 ? * MON-FRI *)", "2026-11-27T06:00:00"),
        ("cron(0 6 ? * 2 *)", "2026-11-30T06:00:00"),
        ("cron(0 6 ? * 2/2 *)", "2026-11-27T06:00:00"),
        ("cron(0 9 ? * 2#1 *)", "2026-12-07T09:00:00"),
        ("cron(0 9 ? * TUE#5 *)", "2026-12-29T09:00:00"),
        ("cron(0 9 ? * 6L *)", "2026-11-27T09:00:00"),
        ("cron(0 9 ? * THUL *)", "2026-12-31T09:00:00"),
        ("cron(0 9 ? * L *)", "2026-11-28T09:00:00"),
        ("cron(0 9 L * ? *)", "2026-11-30T09:00:00"),
        ("cron(0/30 20-2 ? * MON-FRI *)", "2026-11-26T20:00:00"),
        ("cron(0 9 ? * SAT-TUE *)", "2026-11-28T09:00:00"),
        ("cron(0 9 1 DEC-FEB ? *)", "2026-12-01T09:00:00"),
        ("cron(0 9 1 JAN,MAR ? 2026-2199)", "2027-01-01T09:00:00"),
    ],
)
def test_the_next_time_of_a_schedule(schedule: str, expected: str):
    at = datetime(2026, 11, 26, 10, 30, 30, tzinfo=UTC).timestamp()
    assert datetime.fromtimestamp(next_time(schedule, at), UTC).isoformat() == f"{expected}+00:00"


@pytest.mark.parametrize("schedule", ["cron(0 9 15W * ? *)", "cron(0 9 ? * 2#0 *)", "cron(0 22-3/3 * * ? *)"])
def test_a_schedule_that_crontab_cannot_be_told_is_an_error(schedule: str):
    with pytest.raises(ValueError, match="range"):
        next_time(schedule, time.time())


def test_a_schedule_that_is_over_has_no_next_time():
    assert next_time("cron(0 0 1 1 ? 2020)", time.time()) == float("inf")


def expect(found: object, expected: object) -> None:
    assert found == expected


@pytest.fixture
def skipping(monkeypatch: pytest.MonkeyPatch) -> Dues:
    """What is due, for a clock that skips by steps of the test's, and that finds nothing running."""
    dues: Dues = []
    monkeypatch.setattr(CLOCK, "sources", [lambda: list(dues)])
    monkeypatch.setattr(CLOCK, "writers", [])
    monkeypatch.setattr(CLOCK, "jumps", [])
    monkeypatch.setattr(CLOCK, "_skip", True)
    monkeypatch.setattr(CLOCK, "_written_at", time.time())
    monkeypatch.setattr(clock_module, "still", lambda apart_from: True)
    return dues


def jumps() -> list[str]:
    return [jump.what for jump in CLOCK.jumps]


def test_the_clock_passes_over_nothing_that_has_begun_while_it_looked(skipping: Dues, monkeypatch: pytest.MonkeyPatch):
    later = Due(time.time() + 0.9 * HOUR, "another message becomes visible")
    skipping[:] = [Due(time.time(), "a message becomes visible"), later]

    def taken(_apart_from: frozenset[str]) -> bool:
        # After the last look an event source takes the message, which is in its hand from then on.
        skipping[:] = [later]
        return True

    monkeypatch.setattr(clock_module, "still", taken)
    CLOCK._step()
    assert jumps() == []
    CLOCK._step()
    assert jumps() == [later.what]


@pytest.mark.parametrize("advances", [False, True])
def test_the_clock_passes_over_no_wait_that_has_begun_while_it_looked(
    skipping: Dues, monkeypatch: pytest.MonkeyPatch, advances: bool
):
    """Beside something that an advance does not wait for, too, and when that has been so before."""
    now = time.time()
    soon = Due(now + 60, "a Wait state ends")
    skipping[:] = [Due(now + 0.9 * HOUR, "a schedule fires")]
    monkeypatch.setattr(CLOCK, "apart_from", frozenset({"a long function"}))
    monkeypatch.setattr(CLOCK, "until", now + 2 * HOUR if advances else None)

    def begun(_apart_from: frozenset[str]) -> bool:
        skipping.append(soon)
        return True

    monkeypatch.setattr(clock_module, "still", begun)
    CLOCK._step()
    CLOCK._step()
    assert jumps()[0] == soon.what


def test_beside_something_that_an_advance_does_not_wait_for_the_clock_passes_over_nothing_that_ends_by_itself(
    skipping: Dues, monkeypatch: pytest.MonkeyPatch
):
    now = time.time()
    soon = Due(now + 60, "a message becomes visible")
    skipping[:] = [soon, Due(now + 0.9 * HOUR, "a schedule fires")]
    monkeypatch.setattr(CLOCK, "apart_from", frozenset({"a long function"}))
    monkeypatch.setattr(CLOCK, "until", now + 2 * HOUR)

    def ended(_apart_from: frozenset[str]) -> bool:
        skipping[:] = skipping[-1:]
        return True

    monkeypatch.setattr(clock_module, "still", ended)
    CLOCK._step()
    assert jumps() == [soon.what]


def test_what_has_happened_is_written_before_short_jumps_leave_it_an_hour_behind(skipping: Dues):
    written: list[float] = []
    CLOCK.writers.append(lambda: written.append(time.time()))
    began = time.time()
    for number in range(1, 9):
        skipping[:] = [Due(began + number * HOUR / 2, "a message becomes visible")]
        CLOCK._step()
    assert len(jumps()) == 8
    assert 1 < len(written) < 8
    assert all(later - earlier < HOUR + 60 for earlier, later in pairwise([began, *written, time.time()]))


def test_the_clock_passes_over_nothing_that_has_begun_while_it_wrote(skipping: Dues):
    soon = Due(time.time() + 60, "a Wait state ends")
    skipping[:] = [Due(time.time() + 12 * HOUR, "a schedule fires")]
    CLOCK.writers.append(lambda: skipping.append(soon))
    CLOCK._step()
    CLOCK._step()
    assert jumps()[0] == soon.what


def test_a_thread_that_has_ended_as_the_clock_wakes_it_counts_no_more():
    condition, run = threading.Condition(), Run("ended")
    with condition, TIMERS.waiting(timers._Wait(Due(time.time(), "now"), condition, run)):
        waker = threading.Thread(target=TIMERS.wake)
        waker.start()  # it waits for the condition's lock until the wait is over
    waker.join()
    assert run.name not in RUNNING.names()
