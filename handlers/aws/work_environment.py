"""The environment of your own code: the variables that rollcall.toml names, and its secrets, read once."""

import functools
import json
import logging
import os
import time
from collections.abc import Iterable
from itertools import batched

from botocore.exceptions import BotoCoreError, ClientError

from handlers.aws import settings
from handlers.aws.clients import client
from handlers.core.user_modules import WorkCannotStart

# What GetParameters takes at most.
MAX_PARAMETERS = 10
SSM, SECRETS_MANAGER = "ssm", "secretsmanager"


def prepare() -> None:
    """Set your variables and secrets in this process, and keep your log lines from LOG_LEVEL on.

    To be called before your code is imported. Raises WorkCannotStart if they cannot be read or set.
    """
    try:
        os.environ.update(variables())
    except (ValueError, TypeError) as error:
        raise WorkCannotStart(f"the variables of rollcall.toml cannot be set: {error}") from error
    time.tzset()
    logging.getLogger().setLevel(settings.VARIABLES.get("LOG_LEVEL") or logging.INFO)


@functools.cache
def variables() -> dict[str, str]:
    """Your variables and secrets by name, kept as long as the environment lives. Raises WorkCannotStart."""
    return setting("WORK_ENVIRONMENT") | secrets()


def setting(name: str) -> dict[str, str]:
    """A setting of the function that is a JSON object. Raises WorkCannotStart."""
    text = settings.VARIABLES.get(name) or "{}"
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise WorkCannotStart(f"the function's variable {name} must be a JSON object of texts: deploy again")
    return found


def secrets() -> dict[str, str]:
    """Variable -> secret, with the function's own permissions. Raises WorkCannotStart with the secret's name."""
    places = {variable: place.partition(":")[::2] for variable, place in setting("WORK_SECRETS").items()}
    parameters = parameters_of([name for kind, name in places.values() if kind == SSM])
    return {variable: parameters[name] if kind == SSM else secret_of(name) for variable, (kind, name) in places.items()}


def parameters_of(names: Iterable[str]) -> dict[str, str]:
    """The values of parameters of Systems Manager by name."""
    found: dict[str, str] = {}
    for some in batched(sorted(set(names)), MAX_PARAMETERS, strict=False):
        try:
            answer = client("ssm").get_parameters(Names=some, WithDecryption=True)
        except (ClientError, BotoCoreError) as error:
            raise cannot_be_read(", ".join(some), error) from error
        if answer["InvalidParameters"]:
            raise WorkCannotStart(f"{SSM}:{answer['InvalidParameters'][0]}: there is no such parameter")
        found |= {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}
    return found


def secret_of(name: str) -> str:
    """The value of a secret of Secrets Manager."""
    try:
        answer = client("secretsmanager").get_secret_value(SecretId=name)
    except (ClientError, BotoCoreError) as error:
        raise cannot_be_read(name, error, SECRETS_MANAGER) from error
    if "SecretString" not in answer:
        raise WorkCannotStart(f"{SECRETS_MANAGER}:{name}: it is binary, and must be a text")
    return str(answer["SecretString"])


def cannot_be_read(names: str, error: Exception, kind: str = SSM) -> WorkCannotStart:
    return WorkCannotStart(f"{kind}:{names} cannot be read: {error}")
