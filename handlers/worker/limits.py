"""How long an item may take and how much memory there is, and what an item's error says that has met a limit."""

import os
import signal
from dataclasses import dataclass
from typing import Self

from handlers.aws import settings
from handlers.worker import family
from handlers.worker.child import PIPES_LOST

MEGABYTE = 1024 * 1024
# The share of the memory that is left free: what is allocated between two looks must fit into it.
FREE_SHARE = 0.05


@dataclass(frozen=True)
class Limits:
    """`item_seconds`: the longest that an item may take; None: as long as the invocation has. `memory_mb`: Lambda's."""

    item_seconds: float | None = None
    memory_mb: int | None = None

    @classmethod
    def of_the_function(cls) -> Self:
        """The limits that the stack's parameters set."""
        memory = settings.VARIABLES.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        return cls(float(settings.VARIABLES.get("ITEM_TIMEOUT") or 0) or None, int(memory) if memory else None)

    def memory_exceeded(self, worker: int) -> bool:
        """Whether this process and your code's, with all that it has started, hold nearly all memory there is."""
        if self.memory_mb is None:
            return False
        enough = round(self.memory_mb * MEGABYTE * (1 - FREE_SHARE))
        return family.held_bytes([os.getpid(), worker], enough) > enough

    def of_memory(self) -> str:
        """The cause of a process's end that had too much memory."""
        return f"its process was ended: the function held nearly all of its {self.memory_mb} MB of memory"

    def of_end(self, code: int) -> str:
        """The cause of an item's failure whose process has ended by itself, with this code as in subprocess."""
        if code == -signal.SIGKILL:
            memory = f": it may have needed more than the function's {self.memory_mb} MB" if self.memory_mb else ""
            return f"its process was killed (SIGKILL){memory}"
        if code < 0:
            return f"its process ended with signal {signal_name(-code)}"
        if code == PIPES_LOST:
            return "it closed, or wrote to, files of its process that were not its own"
        return f"its process ended with exit code {code}"


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return str(number)
