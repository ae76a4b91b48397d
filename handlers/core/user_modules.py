"""Imports your modules: `work` and `source` of the zip's root, or else the examples in handlers/."""

import importlib
import importlib.util
from types import ModuleType

from handlers.core.outcome import error_text
from handlers.core.user_frames import frames_of


class WorkCannotStart(Exception):
    """Your code cannot run at all; the message says why. The next call of this environment tries again."""


def load(name: str) -> ModuleType:
    """Import the module `name` of the zip's root; the example, `handlers.<name>`, if there is none.

    Raises WorkCannotStart, whatever the import raises.
    """
    try:
        return importlib.import_module(name if is_there(name) else f"handlers.{name}")
    except BaseException as error:
        raise WorkCannotStart(f"{name}.py cannot be imported: {error_text(error)}{place_of(error)}") from error


def is_there(name: str) -> bool:
    """Whether the zip's root has a module of that name; a folder without code is none."""
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


def place_of(error: BaseException) -> str:
    """The innermost line of your code that an error was raised in: ` (work.py, line 4)`."""
    frames = [] if isinstance(error, SyntaxError) else frames_of(error)  # that says itself where it is
    return f" ({frames[-1].removesuffix(', in <module>')})" if frames else ""
