"""What a state's function tells the state machine of an error: whether to try until the deadline, or a few times."""

from collections.abc import Iterator
from contextlib import contextmanager

from handlers.aws.errors import LookAgain, ServiceUnavailable, is_mistake
from handlers.core.outcome import error_text


@contextmanager
def told_apart() -> Iterator[None]:
    """Whatever a service raises is raised as ServiceUnavailable, the name that the definition's Retry knows."""
    try:
        yield
    except LookAgain:
        raise
    except Exception as error:
        if is_mistake(error):
            raise
        raise ServiceUnavailable(error_text(error)) from error
