"""The time of an EXPRESS child: it ends after 5 minutes, and no Catch sees that, so it stops beginning work before.

https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
"""

LIMIT_SECONDS = 300
# A new environment needs this long before its first invocation. A function that died gets a new one.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
INIT_SECONDS = 10
# The time for which a call of a function may be on its way.
CALL_SECONDS = 2
# The failure recorder's timeout, as the template has it, and the calls of it that the definition makes.
RECORDER_SECONDS, RECORDER_CALLS = 20, 2
# How long the definition repeats a call that Lambda refuses, before it looks at the clock again.
REFUSED_SECONDS = 15
# Two S3 requests of the state machine, and the ways between its states.
HAND_ON_SECONDS = 10
# A STANDARD child may begin work in any minute of the hour.
ANY_MINUTE = 60


def settle_seconds(timeout: int) -> int:
    """How long a processor may still work for a caller that has given it up: an init, its timeout, the call's way."""
    return INIT_SECONDS + timeout + CALL_SECONDS


def work_seconds(timeout: int, delay: int) -> int:
    """The longest time from a child's decision to call a processor until it can decide again, or has ended.

    Lambda refuses the call, then makes a new environment for it, and its whole `timeout` passes. After that the child
    waits until a function whose answer was lost must have ended, or for the `delay` of a retry, or records failures.
    Then it hands on what is left.
    """
    recording = REFUSED_SECONDS + RECORDER_CALLS * (INIT_SECONDS + RECORDER_SECONDS)
    after = max(settle_seconds(timeout), delay, recording)
    return REFUSED_SECONDS + INIT_SECONDS + timeout + after + HAND_ON_SECONDS


def begin_minutes(timeout: int, delay: int) -> int:
    """The whole minutes from its start in which an EXPRESS child may begin work; below 1 it has no time for any."""
    return (LIMIT_SECONDS - work_seconds(timeout, delay)) // 60
