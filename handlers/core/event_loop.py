"""The event loop that awaits `async def process`: one per environment, kept as long as the environment lives.

An object that `process` keeps between calls, such as a client's open connections, stays on the loop that made it.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

# As many threads as items may be processed at a time: asyncio's own default is six threads on two cores.
THREADS = 100
# A cancelled task has this long to end.
LAST_SECONDS = 1.0
# The type of the coroutine that the loop itself starts to close an async generator that was not read to its end.
CLOSING = "async_generator_athrow"
# The item that a task belongs to: a task inherits the context of the code that creates it.
ITEM: contextvars.ContextVar[object] = contextvars.ContextVar("rollcall item", default=None)


class TasksLeft(RuntimeError):
    """`process` returned while tasks that it had created still ran."""


class EventLoop:
    """Runs coroutines, several at a time, on a loop that it keeps."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, begin: Callable[[], Coroutine[Any, Any, None] | None], concurrency: int) -> None:
        """Run the coroutines that `begin` returns, at most `concurrency` at a time, until it returns None.

        The coroutines raise nothing. Each is a task of its own: code that cancels all tasks cancels only items.
        """
        loop = self._current()
        running: set[asyncio.Task[None]] = set()

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

        def ended(task: asyncio.Task[None]) -> None:
            running.discard(task)
            begin_one()
            if not running:
                loop.stop()

        for _ in range(concurrency):
            if not begin_one():
                break
        while running:
            # A task that `process` created may raise SystemExit or the like out of the loop.
            with suppress(BaseException):
                loop.run_forever()

    def _current(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
            self._loop.set_default_executor(ThreadPoolExecutor(THREADS))
        self._loop.set_task_factory(None)
        return self._loop


async def end_tasks_left() -> None:
    """Cancel the tasks that this item created and did not await. Raises TasksLeft if there were any.

    A task with a context of its own, `create_task(..., context=contextvars.Context())`, belongs to no item and runs on.
    """
    item = ITEM.get()
    this = asyncio.current_task()

    def left() -> list[asyncio.Task[Any]]:
        others = (task for task in asyncio.all_tasks() if task is not this)
        own = (task for task in others if task.get_context().get(ITEM) is item)
        return [task for task in own if type(task.get_coro()).__name__ != CLOSING]

    found = left()
    if not found:
        return
    for task in found:
        task.cancel()
    until = asyncio.get_running_loop().time() + LAST_SECONDS
    while (running := left()) and (seconds := until - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.wait(running, timeout=seconds)
        except asyncio.CancelledError:
            # The item has cancelled its own task, but too late.
            continue
    stayed = f", of which {len(running)} cannot be stopped" if running else ""
    first = found[0].get_coro()
    raise TasksLeft(
        f"process returned while {len(found)} task{'s' if len(found) > 1 else ''} that it had begun still ran"
        f"{stayed} ({getattr(first, '__qualname__', first)!s:.100}): await them, with asyncio.TaskGroup for instance"
    )
