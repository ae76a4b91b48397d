"""How long a child execution may take: an EXPRESS one ends after 5 minutes, which no Catch can see. Pure.

https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
"""

from handlers.core.batch import InvalidRequest

LIMIT_SECONDS = 300
# Before an environment's first invocation, in which a function that died has its next one.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
INIT_SECONDS = 10
# The failure recorder's timeout, as the template has it.
RECORDER_SECONDS = 20
# What is left at least for calls that Lambda refuses (TooManyRequestsException): the child waits for its turn.
REFUSED_SECONDS = 30


def longest_child_seconds(attempts: float, timeout: float, delay: float) -> float:
    """Seconds that a child needs whose `attempts` each take `timeout`, with `delay` between them, and fail.

    With each function's start in a new environment, the recording of the failure, and some time for refused calls. A
    chunk that is cut short and goes on takes longer.
    """
    processing = attempts * (timeout + INIT_SECONDS) + (attempts - 1) * delay
    return processing + RECORDER_SECONDS + INIT_SECONDS + REFUSED_SECONDS


def refuse_long_children(attempts: int, timeout: int, delay: int) -> None:
    """Raise InvalidRequest for more attempts than an EXPRESS child has time for."""
    longest = longest_child_seconds(attempts, timeout, delay)
    if longest > LIMIT_SECONDS:
        raise InvalidRequest(
            f"maxAttempts: {attempts} of {timeout} s with {delay} s between them may take {longest:g} s with their "
            f"starts and what Lambda refuses, and an EXPRESS child ends after {LIMIT_SECONDS} s: ask for fewer, or "
            "deploy with ChildType=STANDARD"
        )
