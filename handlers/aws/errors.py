"""Tells the errors of services, which pass with time, from mistakes in the code, which never do."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from urllib3.exceptions import HTTPError

from handlers.core.outcome import error_text


class ServiceUnavailable(Exception):
    """A service did not carry out a call: the caller is to try again. The message quotes the service."""


class CheckAgain(Exception):
    """The caller is to check again later: the state that it waits for is not reached yet."""


# Throttling, refusals, 5xx, the network; OSError is also the base of what other clients raise.
OF_SERVICES = (ServiceUnavailable, ClientError, BotoCoreError, Boto3Error, HTTPError, HTTPException, OSError)
# Errors that another try, later, may not meet again.
PASSING = (CheckAgain, *OF_SERVICES)
# Errors among them that no service has raised.
OF_THE_CODE = (
    ParamValidationError,
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)
# A batch ends after this many tries have met a mistake. A single one may come from a damaged environment.
TRIES = 5


def is_mistake(error: BaseException) -> bool:
    """Whether an error is a mistake in the code, your source.py included: every try would meet it again."""
    return isinstance(error, OF_THE_CODE) or not isinstance(error, PASSING)


def reason_of(error: BaseException, place: str, tries: int = TRIES) -> str:
    """The reason of a batch that a mistake ends, met so often."""
    return f"a mistake in the code, met {tries} times by its {place}: {error_text(error)}"


@contextmanager
def service_errors_renamed() -> Iterator[None]:
    """Raise a service's error as ServiceUnavailable, which the state machine retries until the deadline."""
    try:
        yield
    except CheckAgain:
        raise
    except Exception as error:
        if is_mistake(error):
            raise
        raise ServiceUnavailable(error_text(error)) from error
