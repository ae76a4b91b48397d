"""The function's hold on your code's process: starts it, sends commands, receives messages, ends it."""

import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from handlers.worker import family
from handlers.worker.board import Board
from handlers.worker.child import PIPES_LOST, be_child
from handlers.worker.messages import Inbox, Message

# A process that has closed everything ends within this time.
ENDING_MS = 200


class WorkerProcess:
    """A forked process that runs your code. `ended` once it is known to have ended; `end` must be called then, too.

    `at_once`: it has a `process_chunk`. `awaited`: its `process` is awaited. Both are known when it `is_ready`.
    `used`: it has been sent a command. `has_lost_pipe`: what it has told is not all that it had to tell.
    """

    def __init__(self, load_work: Callable[[], Any]):
        self.board = Board()
        self.is_ready = self.at_once = self.awaited = self.used = self.ended = False
        self.refusal = ""
        self.has_lost_pipe = False
        self._ending: tuple[int, list[Message]] | None = None
        family.adopt_orphans()
        self._siblings = family.children_of(os.getpid())
        commands_end, self._commands = os.pipe()
        self._outcomes, outcomes_end = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._commands)
            os.close(self._outcomes)
            be_child(parent, commands_end, outcomes_end, self.board, load_work)
        os.close(commands_end)
        os.close(outcomes_end)
        with suppress(OSError):  # it may have done so itself, or ended
            os.setpgid(self.pid, 0)
        self._life = os.pidfd_open(self.pid)
        os.set_blocking(self._commands, False)
        os.set_blocking(self._outcomes, False)
        self._inbox = Inbox(self._outcomes)
        self._poll = select.poll()
        self._poll.register(self._outcomes, select.POLLIN)
        self._poll.register(self._life, select.POLLIN)

    def send(self, command: bytes, until: float) -> None:
        """Send a command. If it is not taken until then (by time.monotonic), the process counts as ended."""
        self.used = True
        room = select.poll()
        room.register(self._commands, select.POLLOUT)
        room.register(self._life, select.POLLIN)
        try:
            while command and not self.ended:
                ready = dict(room.poll(max(0, until - time.monotonic()) * 1000))
                self.ended = not ready or self._life in ready
                command = command[os.write(self._commands, command) :]
        except OSError:
            self.ended = True

    def messages(self, seconds: float) -> list[Message]:
        """What has come after at most so many seconds, as soon as there is anything. Sets `ended`."""
        ready = dict(self._poll.poll(max(0, seconds) * 1000))
        found: list[Message] = []
        if self._outcomes in ready:
            found = self._inbox.read()
            self.has_lost_pipe = self._inbox.is_broken or (not found and self._is_mute(ready[self._outcomes]))
        if self._life in ready:
            found += self._inbox.read()
        self.ended = self.ended or self._life in ready or self.has_lost_pipe
        return found

    def _is_mute(self, event: int) -> bool:
        """Whether your code has closed the pipe: the process lives on, but can tell nothing any more."""
        if not event & select.POLLHUP:
            return False
        # A process that ends closes its pipe a moment before it has ended.
        life = select.poll()
        life.register(self._life, select.POLLIN)
        return not life.poll(ENDING_MS)

    def wait_ready(self, seconds: float) -> None:
        """Wait at most so long for the process to say that it is ready, or its `refusal`."""
        for message in self.messages(seconds):
            self.refusal = message.get("cannot_start", "")
            self.is_ready = "ready" in message
            self.at_once, self.awaited = message.get("at_once", False), message.get("awaited", False)

    def has_ended(self) -> bool:
        """Whether it has ended by now, between two commands."""
        family.let_go(spared=[self.pid, *self._siblings])
        self.messages(0)
        return self.ended

    def has_company(self) -> bool:
        """Whether it has threads, or processes that it has started: they may be at work on what was cancelled."""
        adopted = set(family.children_of(os.getpid())) - {self.pid, *self._siblings}
        return bool(family.count_threads(self.pid) > 1 or family.children_of(self.pid) or adopted)

    def end(self) -> tuple[int, list[Message]]:
        """Kill the process and all that it has started. Returns its exit code as in subprocess, and what it told last.

        May be called again, and returns the same.
        """
        if self._ending is None:
            self.ended = True
            code = family.end(self.pid, self._siblings)
            if self.has_lost_pipe and code == -signal.SIGKILL:
                code = PIPES_LOST
            last = self._inbox.read()
            for file in (self._commands, self._outcomes, self._life):
                os.close(file)
            self._ending = code, last
        return self._ending
