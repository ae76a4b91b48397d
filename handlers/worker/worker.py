"""Runs your code in a process of its own, and ends that process when an item hangs or eats the memory."""

import os
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from handlers.aws.work_environment import variables
from handlers.core.clock import Clock
from handlers.core.json_text import Item
from handlers.core.run_items import STOP_MS, Results
from handlers.core.user_modules import WorkCannotStart
from handlers.worker.call import Call, Group
from handlers.worker.limits import Limits
from handlers.worker.messages import Command
from handlers.worker.process import WorkerProcess
from handlers.worker.round import LOOK_SECONDS, NANOSECONDS, Outcome, Round, Times

# With less than this left of the invocation, the process is ended whatever it does: the rest is for recording.
LAST_MS = 1_000
# Lambda gives an init ten seconds: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
INIT_SECONDS = 8
NOT_IMPORTED = "work.py cannot be imported"


class Worker:
    """Your code in a process of its own. It is forked when it is first needed, and again when the last one has ended.

    `load_work` imports and returns the object with your `process` or `process_chunk`, in that process.
    """

    def __init__(self, load_work: Callable[[], Any], limits: Limits):
        self._load_work = load_work
        self._limits = limits
        self._process: WorkerProcess | None = None
        self._refusal: WorkCannotStart | None = None

    def begin(self) -> None:
        """Start the process in the function's init, which has more CPU. The first `ready` tells what went wrong."""
        try:
            self._start(time.monotonic() + INIT_SECONDS)
        except WorkCannotStart as error:
            self._refusal = error

    def ready(self, clock: Clock) -> bool:
        """Start the process if none is there; false if there is too little time left for that: `run` would leave all.

        Raises WorkCannotStart; the next call then starts a fresh one.
        """
        return self._get_ready(clock) is not None

    def run(
        self,
        items: Mapping[int, Item],
        concurrency: int,
        clock: Clock,
        *,
        about: Mapping[str, Any],
        keep_values: bool = False,
        alone: Collection[int] = (),
    ) -> Results:
        """Process items, at most `concurrency` at a time, as far as the invocation's time allows.

        `alone` are the suspects of an earlier call: each is processed with no other item under way, after all others.
        So are those whose process ended while several were under way. `about` (`batch_id`, `seq`, `attempt`) stands in
        the log line of each item that fails.

        It returns a second before the invocation's time is over, or a quarter of it if that is less, whatever your
        code does, and nothing of an item works on then. Raises WorkCannotStart before any item is processed.
        """
        call = Call(items, concurrency, about, alone)
        process = self._get_ready(clock) if call.next_group() else None
        call.at_once = bool(process and process.at_once)
        while process and clock.has(STOP_MS) and (group := call.next_group()):
            outcome = self._round(process, group, call.items, clock, keep_values)
            process = self._get_another(clock) if call.take(group, outcome) and call.next_group() else None
        return call.end()

    def _round(
        self, process: WorkerProcess, group: Group, items: Mapping[int, Item], clock: Clock, keep_values: bool
    ) -> Outcome:
        now = time.monotonic()
        begin_seconds = (clock.remaining() - min(STOP_MS, clock.total // 4)) / 1000
        command = Command(
            items=dict(enumerate(items[index] for index in group.indexes)),
            at_once=group.at_once,
            concurrency=group.concurrency,
            begin_until=round((now + begin_seconds) * NANOSECONDS),
            item_seconds=self._limits.item_seconds if process.awaited else None,
            keep_values=keep_values,
            request_id=clock.context.aws_request_id,
            trace_id=os.environ.get("_X_AMZN_TRACE_ID", ""),
        )
        times = Times(last=now + seconds_left(clock), half=clock.total / 2000)
        # Until it is through: a process that is still at it must get no other command.
        self._process = None
        try:
            outcome = Round(process, command, self._limits, times).carry_out()
        except BaseException:
            process.end()
            raise
        self._process = process
        if outcome.cause or (outcome.cancelled and process.has_company()):
            self.retire()
        return outcome

    def _get_ready(self, clock: Clock) -> WorkerProcess | None:
        """The process, ready for commands; None if there was too little time to tell. Raises WorkCannotStart."""
        refusal, self._refusal = self._refusal, None
        if refusal:
            raise refusal
        seconds = seconds_left(clock)
        if process := self._start(time.monotonic() + seconds):
            return process
        self.retire()
        if seconds < clock.total / 2000:
            return None
        raise WorkCannotStart(f"{NOT_IMPORTED}: not done after {seconds:.0f} s")

    def _get_another(self, clock: Clock) -> WorkerProcess | None:
        """The same in the middle of a call, whose results must not be lost: what stays so, the next call raises."""
        try:
            return self._get_ready(clock) if clock.has(STOP_MS) else None
        except WorkCannotStart:
            return None

    def _start(self, until: float) -> WorkerProcess | None:
        """A process that is ready; None if it is not by then, and it goes on. Raises WorkCannotStart: there is none."""
        # Your code may end it at any time, and it ends where your code has closed its outputs.
        if self._process and self._process.has_ended():
            self.retire()
        if not self._process:
            variables()  # read once per environment, with the function's own connections
            self._process = WorkerProcess(self._load_work)
        process = self._process
        while not process.is_ready and (left := until - time.monotonic()) > 0:
            process.wait_ready(min(LOOK_SECONDS, left))
            reason = process.refusal
            if not reason and process.ended and not process.is_ready:
                reason = f"{NOT_IMPORTED}: {self._limits.of_end(process.end()[0])}"
            elif not reason and self._limits.memory_exceeded(process.pid):
                reason = f"{NOT_IMPORTED}: {self._limits.of_memory()}"
            if reason:
                self.retire()
                raise WorkCannotStart(reason)
        return process if process.is_ready else None

    def retire(self) -> None:
        """End the process, if there is one, and all that it has started."""
        if self._process:
            self._process.end()
        self._process = None


def seconds_left(clock: Clock) -> float:
    """The seconds until everything of your code has to be over."""
    return (clock.remaining() - min(LAST_MS, clock.total // 4)) / 1000
