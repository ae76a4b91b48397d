"""The libraries of the optional group `convert`, each imported when a file needs it."""

from importlib import import_module
from typing import Any

from bootstrap.problem import Problem


def library(module: str, kind: str) -> Any:
    """Import a module that reads this kind of file. Raises Problem with the command that installs it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as missing:
        raise Problem(
            f"{kind} is read by the Python package {missing.name}, which is not installed",
            "install it with `uv sync --group convert`, in Rollcall's folder",
        ) from None
