"""How long a child execution may take: an EXPRESS one ends after 5 minutes, which no Catch can see. Pure.

https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
"""

from handlers.batch import InvalidRequest

LIMIT_SECONDS = 300


def longest_child_seconds(attempts: float, timeout: float, delay: float) -> float:
    """Seconds that `attempts` of `timeout` take with `delay` between them."""
    return attempts * timeout + (attempts - 1) * delay


def refuse_long_children(attempts: int, timeout: int, delay: int) -> None:
    """Raise InvalidRequest for more attempts than an EXPRESS child has time for."""
    longest = longest_child_seconds(attempts, timeout, delay)
    if longest > LIMIT_SECONDS:
        raise InvalidRequest(
            f"maxAttempts: {attempts} of {timeout} s with {delay} s between them may take {longest:g} s, and an "
            f"EXPRESS child ends after {LIMIT_SECONDS} s: ask for fewer, or deploy with ChildType=STANDARD"
        )
