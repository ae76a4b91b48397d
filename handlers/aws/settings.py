"""The functions' settings: the stack's parameters, as environment variables, read once when the environment starts."""

import os

from handlers.core.batch import LIMITS, snake_case

# What the work does to its environment variables changes no setting.
VARIABLES = dict(os.environ)


def text(name: str) -> str:
    """A setting's value. Raises KeyError where the template does not set it."""
    return VARIABLES[name]


def whole(name: str) -> int:
    """A setting that is a whole number."""
    return int(VARIABLES[name])


def request_defaults() -> dict[str, str]:
    """What a batch request takes from the stack's parameters for the fields that it leaves out."""
    names = {field: snake_case(field).upper() for field in LIMITS}
    return {field: VARIABLES[name] for field, name in names.items() if name in VARIABLES}
