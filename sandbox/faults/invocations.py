"""Faults of a function's process in the middle of an invocation: it is killed, or stopped for some time."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.faults.active import FAULTS
from sandbox.faults.plan import Call
from sandbox.processes import LOOP


@contextmanager
def exposed(process: Any) -> Iterator[None]:
    """Strike a FunctionProcess at a random moment of the invocation that it runs meanwhile, if the plan says so.

    For use in LOOP's thread. An invocation that ends before that moment was not hit.
    """
    active = FAULTS.active
    hit = active.meet(Call(function=process.function), "kill-invocation", "freeze") if active else None
    if hit is None:
        yield
        return
    struck = False

    def strike() -> None:
        nonlocal struck
        struck = True
        if hit.kind == "kill-invocation":
            process.signal(signal.SIGKILL)
        else:
            process.signal(signal.SIGSTOP)
            LOOP.call_later(hit.settings["seconds"], process.signal, signal.SIGCONT)

    timer = LOOP.call_later(hit.chance("moment") * hit.settings["milliseconds"] / 1000, strike)
    try:
        yield
    finally:
        timer.cancel()
        if not struck:
            hit.withdraw()
