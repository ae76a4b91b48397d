"""The longest time of a child execution: an EXPRESS one ends after 5 minutes, and no Catch sees that.

https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
"""

from handlers.core.batch import InvalidRequest

LIMIT_SECONDS = 300
# A new environment needs this long before its first invocation. A function that died gets a new one.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
INIT_SECONDS = 10
# The failure recorder's timeout, as the template has it.
RECORDER_SECONDS = 20
# Spare time for calls that Lambda refuses (TooManyRequestsException): the child waits and calls again.
REFUSED_SECONDS = 30


def longest_child_seconds(attempts: float, timeout: float, delay: float) -> float:
    """Seconds that a child needs if its `attempts`, with `delay` between them, each take `timeout` and fail.

    They include new environments, the failure recorder and spare time. A chunk that is cut short takes longer.
    """
    processing = attempts * (timeout + INIT_SECONDS) + (attempts - 1) * delay
    return processing + RECORDER_SECONDS + INIT_SECONDS + REFUSED_SECONDS


def refuse_long_children(attempts: int, timeout: int, delay: int) -> None:
    """Raise InvalidRequest if an EXPRESS child has no time for these attempts."""
    longest = longest_child_seconds(attempts, timeout, delay)
    if longest > LIMIT_SECONDS:
        raise InvalidRequest(
            f"maxAttempts: {attempts} of {timeout} s with {delay} s between them may take {longest:g} s with their "
            f"starts and what Lambda refuses, and an EXPRESS child ends after {LIMIT_SECONDS} s: ask for fewer, or "
            "deploy with ChildType=STANDARD"
        )
