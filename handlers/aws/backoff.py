"""The wait before another try of a batch call (SQS, DynamoDB) whose parts failed: the SDK does not retry parts."""

import random
import time

TRIES = 8


def back_off(attempt: int) -> None:
    """Wait with full jitter before the next try; `attempt` counts the failed ones from 0."""
    time.sleep(random.uniform(0, min(5.0, 0.05 * 2**attempt)))  # noqa: S311 - a wait is no secret
