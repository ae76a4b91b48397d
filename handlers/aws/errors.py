"""Whose an error is: a service's, which comes right by itself, or a mistake in the code, which never does. Pure."""

from http.client import HTTPException

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from urllib3.exceptions import HTTPError


class ServiceUnavailable(Exception):
    """A service did not do what it was asked for: it is to be asked again. The message says which, and what it said."""


class LookAgain(Exception):
    """It is not so far yet: somebody has to look again."""


# Throttling, refusals, 5xx, the network; OSError is also the base of what other clients raise.
OF_SERVICES = (ServiceUnavailable, ClientError, BotoCoreError, Boto3Error, HTTPError, HTTPException, OSError)
# What time mends.
PASSING = (LookAgain, *OF_SERVICES)
# Of the latter, what no service had a part in.
OF_THE_CODE = (
    ParamValidationError,
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


def is_mistake(error: BaseException) -> bool:
    """Whether an error is nobody's but the code's, the user's source among it: the same comes of every try."""
    return isinstance(error, OF_THE_CODE) or not isinstance(error, PASSING)
