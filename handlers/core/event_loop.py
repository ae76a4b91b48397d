"""The event loop on which `async def process` is awaited: one an environment, for as long as it lives.

So what the work keeps between its calls, such as a client's open connections, stays on the loop that made it.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

# As many as items may be processed at a time: asyncio's own default is six threads on two cores.
THREADS = 100
# How long a task that is cancelled may take to end.
LAST_SECONDS = 1.0
# What the loop itself begins for an async generator that was not read to its end, by the name of its type.
CLOSING = "async_generator_athrow"
# Which item a task belongs to: tasks inherit the context in which they are begun.
ITEM: contextvars.ContextVar[object] = contextvars.ContextVar("rollcall item", default=None)


class TasksLeft(RuntimeError):
    """`process` returned while tasks that it had begun went on."""


class EventLoop:
    """Runs coroutines, several at a time, on a loop that is kept."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, begin: Callable[[], Coroutine[Any, Any, None] | None], concurrency: int) -> None:
        """Run what `begin` gives until it gives None, at most `concurrency` at a time.

        The coroutines raise nothing. Each has a task of its own, and there are no others of ours: work that cancels
        every task it finds cancels items, and stops nothing else.
        """
        loop = self._current()
        running: set[asyncio.Task] = set()

        def begin_one() -> bool:
            coroutine = begin()
            if coroutine is None:
                return False
            context = contextvars.Context()
            context.run(ITEM.set, object())
            task = loop.create_task(coroutine, context=context)
            running.add(task)
            task.add_done_callback(ended)
            return True

        def ended(task: asyncio.Task) -> None:
            running.discard(task)
            begin_one()
            if not running:
                loop.stop()

        for _ in range(concurrency):
            if not begin_one():
                break
        while running:
            # SystemExit and its like, of a task of the work's own, come through.
            with suppress(BaseException):
                loop.run_forever()

    def _current(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
            self._loop.set_default_executor(ThreadPoolExecutor(THREADS))
        self._loop.set_task_factory(None)
        return self._loop


async def end_tasks_left() -> None:
    """Cancel the tasks that this item has begun and not awaited. Raises TasksLeft when there were any.

    One begun in a context of its own, `create_task(..., context=contextvars.Context())`, is nobody's and goes on.
    """
    item = ITEM.get()
    this = asyncio.current_task()

    def left() -> list[asyncio.Task]:
        others = (task for task in asyncio.all_tasks() if task is not this)
        own = (task for task in others if task.get_context().get(ITEM) is item)
        return [task for task in own if type(task.get_coro()).__name__ != CLOSING]

    found = left()
    if not found:
        return
    for task in found:
        task.cancel()
    until = asyncio.get_running_loop().time() + LAST_SECONDS
    while (going_on := left()) and (seconds := until - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.wait(going_on, timeout=seconds)
        except asyncio.CancelledError:
            # The item has cancelled its own task, too late.
            continue
    stayed = f", of which {len(going_on)} cannot be stopped" if going_on else ""
    first = found[0].get_coro()
    raise TasksLeft(
        f"process returned while {len(found)} task{'s' if len(found) > 1 else ''} that it had begun still ran"
        f"{stayed} ({getattr(first, '__qualname__', first)!s:.100}): await them, with asyncio.TaskGroup for instance"
    )
