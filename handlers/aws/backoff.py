"""Waiting before another try, for what the SDK's own retries do not cover: parts of a batch call."""

import random
import time

TRIES = 8


def back_off(attempt: int) -> None:
    """Wait with full jitter before try number `attempt` + 1."""
    time.sleep(random.uniform(0, min(5.0, 0.05 * 2**attempt)))
