"""The functions' settings: the stack's parameters as environment variables, read once when the environment starts."""

import os

from handlers.core.batch import LIMITS, snake_case

# A copy: the environment variables of your own code, which are set later, must not change a setting.
VARIABLES = dict(os.environ)


def text(name: str) -> str:
    """A setting's value. Raises KeyError if the template does not set it."""
    return VARIABLES[name]


def whole(name: str) -> int:
    """The value of a setting that is a whole number."""
    return int(VARIABLES[name])


def names(name: str) -> list[str]:
    """The names in a setting that lists them, separated by commas; none if it is not set."""
    return [each.strip() for each in VARIABLES.get(name, "").split(",") if each.strip()]


def request_defaults() -> dict[str, str]:
    """The stack's defaults for the fields that a batch request omits: field -> text."""
    names = {field: snake_case(field).upper() for field in LIMITS}
    return {field: VARIABLES[name] for field, name in names.items() if name in VARIABLES}
