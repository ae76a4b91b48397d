"""Rollcall's command line, and what Python programs import: `from rollcall import Sandbox, Batch`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bootstrap.problem import Problem
    from rollcall.api.batch import Batch
    from rollcall.api.sandbox import Sandbox
    from rollcall.batches.batch import Progress, Result
    from rollcall.batches.follow import NotEnded

# The name -> its module, which is imported when the name is: `rollcall --help` needs none of them.
_MODULES = {
    "Batch": "rollcall.api.batch",
    "NotEnded": "rollcall.batches.follow",
    "Problem": "bootstrap.problem",
    "Progress": "rollcall.batches.batch",
    "Result": "rollcall.batches.batch",
    "Sandbox": "rollcall.api.sandbox",
}

__all__ = ["Batch", "NotEnded", "Problem", "Progress", "Result", "Sandbox"]


def __getattr__(name: str) -> Any:
    """Import a name of `__all__` with its module."""
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
