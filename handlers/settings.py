"""The functions' settings: the stack's parameters, as environment variables."""

import os

from handlers.batch import LIMITS, snake_case


def text(name: str) -> str:
    """A setting's value. Raises KeyError where the template does not set it."""
    return os.environ[name]


def whole(name: str) -> int:
    """A setting that is a whole number."""
    return int(os.environ[name])


def request_defaults() -> dict[str, str]:
    """What a batch request takes from the stack's parameters for the fields that it leaves out."""
    names = {field: snake_case(field).upper() for field in LIMITS}
    return {field: os.environ[name] for field, name in names.items() if name in os.environ}
