"""Time as one invocation sees it, in milliseconds since 1970."""

import time
from typing import Protocol

# The clocks of AWS's machines may differ by this. So an invocation's deadline is taken to be this much later.
CLOCK_MARGIN_MS = 5_000


class LambdaContext(Protocol):
    """The part of Lambda's `context` that the functions read."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


class Clock:
    """The time of the invocation that `context` belongs to.

    By `deadline` it has ended, by the clock of any machine: what it holds until then cannot be taken from it.
    """

    def __init__(self, context: LambdaContext):
        self.context = context
        self.total = self.remaining()
        self.deadline = self.now() + self.total + CLOCK_MARGIN_MS

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def remaining(self) -> int:
        """Milliseconds until Lambda ends this invocation."""
        return self.context.get_remaining_time_in_millis()

    def has(self, milliseconds: int, beside: int = 0) -> bool:
        """Whether more than `milliseconds` (at most a quarter of the invocation) is left besides `beside`."""
        return self.remaining() - beside > min(milliseconds, self.total // 4)
