"""The one thread in which everything about functions' processes happens: no locks, and no thread per process."""

import asyncio
import threading
from collections.abc import Coroutine

LOOP = asyncio.new_event_loop()
threading.Thread(target=LOOP.run_forever, name="lambda-environments", daemon=True).start()


def run[T](coroutine: Coroutine[object, object, T]) -> T:
    """Run `coroutine` in the loop's thread, from any other thread, and return or raise what it does."""
    return asyncio.run_coroutine_threadsafe(coroutine, LOOP).result()
