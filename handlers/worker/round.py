"""One command to your code's process, watched to its end: the process tells it, ends, or is ended at a limit."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from handlers.core.event_loop import LAST_SECONDS
from handlers.core.run_items import Failure, ItemTimeout
from handlers.worker.board import DONE, WAITING
from handlers.worker.limits import Limits
from handlers.worker.messages import Command, Message
from handlers.worker.process import WorkerProcess

# How often the items' times and the memory are looked at, in seconds.
LOOK_SECONDS = 0.1
# A longer pause between two looks means that this process was frozen, and the items with it.
FROZEN_SECONDS = 1.0
# An awaited item that is late is cancelled, and its tasks then have LAST_SECONDS to end.
CANCEL_SECONDS = LAST_SECONDS + 0.5
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class Times:
    """When a round has to be over, in seconds of time.monotonic: at `last` the process is ended.

    `half` is half of the invocation: an item that has had less was not given a fair chance.
    """

    last: float
    half: float


class Met(NamedTuple):
    """A limit that was met, as an item's error; `judged`: it says something about an item that was under way alone."""

    cause: str
    judged: bool


@dataclass
class Outcome:
    """What a round told, by the items' places. `cause`: why the process has ended, or was ended, if it was.

    `under_way` are the places of the items that this hit; `judged` is whether an item alone is to blame for it.
    `raised` is the traceback of `process_chunk`. `cancelled`: the time of an item that is awaited was up. `stopped`:
    items were left for another reason than the time.
    """

    done: list[int] = field(default_factory=list)
    values: dict[int, Any] = field(default_factory=dict)
    failures: dict[int, Failure] = field(default_factory=dict)
    under_way: list[int] = field(default_factory=list)
    cause: str = ""
    judged: bool = True
    raised: str = ""
    cancelled: bool = False
    stopped: bool = False
    work_seconds: float = 0


class Round:
    """Has a process carry out one command."""

    def __init__(self, process: WorkerProcess, command: Command, limits: Limits, times: Times):
        self._process = process
        self._board = process.board
        self._command = command
        self._limits = limits
        self._times = times
        self._outcome = Outcome()
        # Whether what befalls the process can only be this item's doing.
        self._is_first = not process.used and len(command.items) == 1
        self._is_over = False
        # Seconds in which everything was frozen, as Lambda and the sandbox do with a whole function.
        self._frozen = 0.0

    def carry_out(self) -> Outcome:
        """Send the command, and wait until it is carried out, or the process has ended, or a limit is met."""
        self._board.clear(len(self._command.items))
        self._began = looked = time.monotonic()
        self._process.send(self._command.packed(), self._times.last)
        met: Met | None = None
        while not (self._is_over or self._process.ended or met):
            self._take(self._process.messages(min(LOOK_SECONDS, self._times.last - looked)))
            now = time.monotonic()
            if now - looked > FROZEN_SECONDS:
                self._frozen += now - looked
            looked = now
            met = None if self._is_over else self._limit_met(now)
        if not self._is_over or self._process.has_lost_pipe:
            self._end(met)
        self._settle(looked)
        return self._outcome

    def _take(self, messages: Iterable[Message]) -> None:
        for message in messages:
            place = message.get("place")
            if "over" in message:
                self._is_over = True
            elif "raised" in message:
                self._outcome.raised = message["raised"]
            elif place in self._command.items and "failure" in message:
                self._outcome.failures[place] = Failure(*message["failure"])
            elif place in self._command.items and "value" in message:
                self._outcome.values[place] = message["value"]

    def _limit_met(self, now: float) -> Met | None:
        """The first limit that is met, if any. Stops the beginning of items before an item is too late."""
        under_way = {place: now - self._board.began_at(place) / NANOSECONDS for place in self._board.under_way()}
        if now >= self._times.last:
            longest = max(under_way.values(), default=0)
            return Met(f"not done when the function's time ran out ({longest:.0f} s)", longest >= self._times.half)
        if self._limits.memory_exceeded(self._process.pid):
            return Met(self._limits.of_memory(), self._is_first)
        if self._command.at_once:
            return self._chunk_hangs(now)
        if seconds := self._limits.item_seconds:
            # What is awaited is first cancelled, by its own process.
            patience = seconds + self._frozen + (CANCEL_SECONDS if self._command.item_seconds else 0)
            late = [place for place, taken in under_way.items() if taken > patience]
            if late:
                self._board.stop()
            if late and len(late) == len(under_way):
                return Met(str(ItemTimeout(seconds)), True)
        return None

    def _chunk_hangs(self, now: float) -> Met | None:
        """Half of the time is kept for trying each item alone."""
        count = len(self._command.items)
        allowed = min((self._times.last - self._began) / 2, (self._limits.item_seconds or math.inf) * count)
        if now - self._began - self._frozen > allowed:
            return Met(f"process_chunk hung: not done after {allowed:.0f} s", True)
        return None

    def _end(self, met: Met | None) -> None:
        code, last = self._process.end()
        self._take(last)
        # What an earlier item has left may have ended it: a thread, a timer, a closed file, the memory.
        own = Met(self._limits.of_end(code), self._is_first)
        self._outcome.cause, self._outcome.judged = met or own

    def _settle(self, ended: float) -> None:
        outcome, told = self._outcome, self._outcome.failures.keys() | self._outcome.values.keys()
        for place in self._command.items:
            state = self._board.state(place)
            if state == DONE:
                outcome.done.append(place)
            elif state != WAITING and place not in told:
                outcome.under_way.append(place)
        if seconds := self._command.item_seconds:
            hung = str(ItemTimeout(seconds))
            outcome.cancelled = any(failure.error == hung for failure in outcome.failures.values())
        outcome.stopped = self._board.stopped
        if self._board.state(0) != WAITING:
            outcome.work_seconds = ended - self._board.began_at(0) / NANOSECONDS
