"""Faults that befall a function's process in the middle of an invocation: killed, or stopped for a while."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.engine_loop import LOOP
from sandbox.faults.active import FAULTS, Hit
from sandbox.faults.plan import Call


@contextmanager
def exposed(process: Any) -> Iterator[None]:
    """While a FunctionProcess runs one invocation: strike it at a random moment, if the plan says so.

    To be used in the event loop's thread. An invocation that ends before that moment was not hit.
    """
    active = FAULTS.active
    hit = active.meet(Call(function=process.function), "kill-invocation", "freeze") if active else None
    if hit is None:
        yield
        return
    moment = hit.chance("moment") * hit.settings["milliseconds"] / 1000
    blow = _Blow(process, hit)
    timer = LOOP.call_later(moment, blow.strike)
    try:
        yield
    finally:
        timer.cancel()
        if not blow.struck:
            hit.withdraw()


class _Blow:
    def __init__(self, process: Any, hit: Hit) -> None:
        self.struck = False
        self._process, self._hit = process, hit

    def strike(self) -> None:
        self.struck = True
        if self._hit.kind == "kill-invocation":
            self._process.signal(signal.SIGKILL)
            return
        self._process.signal(signal.SIGSTOP)
        LOOP.call_later(self._hit.settings["seconds"], self._process.signal, signal.SIGCONT)
