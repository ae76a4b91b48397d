"""Gives each thread of the engine room for its calls at once.

CPython keeps a thread's frames in chunks of 16 KB, and gives a chunk back as soon as the calls within it have returned.
So a loop whose calls begin just before the end of a chunk maps, clears and unmaps memory with each call. The definition
of a state machine took three times as long to parse, depending on how deep in the stack that began.
"""

import threading

SLOTS = 32_768
"""Slots of the first frame, which stay unused: with its head they fill the first half of a chunk of 512 KB."""


def install() -> None:
    """Make the first frame of each thread that starts from now on so large that its chunk has room for what follows."""
    first = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]
    first.__code__ = first.__code__.replace(co_stacksize=SLOTS)
