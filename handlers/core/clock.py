"""Time, as one invocation sees it. In milliseconds since 1970."""

import time

# A lease outlives the invocation that holds it by this, so that it cannot end under a live holder.
LEASE_MARGIN_MS = 5_000


class Clock:
    """`context` is Lambda's."""

    def __init__(self, context):
        self.context = context
        self.total = self.remaining()
        self.deadline = self.now() + self.total

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def remaining(self) -> int:
        """Milliseconds until Lambda ends this invocation."""
        return self.context.get_remaining_time_in_millis()

    def has(self, milliseconds: int, beside: int = 0) -> bool:
        """Whether more than that, or than a quarter of the whole where the whole is short, is left beside `beside`."""
        return self.remaining() - beside > min(milliseconds, self.total // 4)

    def lease(self) -> int:
        """The end of a lease taken by this invocation."""
        return self.deadline + LEASE_MARGIN_MS
