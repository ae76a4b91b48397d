"""The functions' settings: the stack's parameters as environment variables, read once when the environment starts."""

import os

from handlers.core.batch import LIMITS, snake_case

# A copy: an environment variable that `process` changes must not change a setting.
VARIABLES = dict(os.environ)


def text(name: str) -> str:
    """A setting's value. Raises KeyError if the template does not set it."""
    return VARIABLES[name]


def whole(name: str) -> int:
    """The value of a setting that is a whole number."""
    return int(VARIABLES[name])


def request_defaults() -> dict[str, str]:
    """The stack's defaults for the fields that a batch request omits: field -> text."""
    names = {field: snake_case(field).upper() for field in LIMITS}
    return {field: VARIABLES[name] for field, name in names.items() if name in VARIABLES}
