"""Tells the errors of items for which another attempt would not help."""

import sys
from collections.abc import Sequence

from handlers import Permanent
from handlers.core.outcome import own_attribute


def is_permanent(error: BaseException, names: Sequence[str] = ()) -> bool:
    """Whether `error` is a Permanent, or of a class that `names` has, or of a subclass of either. Raises nothing.

    A name is what your code imports, `pydantic.ValidationError`, or the class's own name, with its module or without.
    """
    classes = type(error).__mro__
    return Permanent in classes or any(imported(name) in classes or name in names_of(classes) for name in names)


def names_of(classes: Sequence[type]) -> set[str]:
    own = [[str(own_attribute(one, name)) for name in ("__module__", "__qualname__", "__name__")] for one in classes]
    return {name for module, qualified, bare in own for name in (f"{module}.{qualified}", qualified, bare)}


def imported(name: str) -> object:
    """What a dotted name stands for, if its module is imported; else None. That of a class that was raised is."""
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(sys.modules.get(module), attribute, None)
    except Exception:  # noqa: BLE001 - a module may compute its attributes
        return None
