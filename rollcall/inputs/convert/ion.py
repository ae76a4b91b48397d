"""Amazon Ion as DynamoDB exports it: an item in each value."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from bootstrap.problem import Problem
from rollcall.inputs.convert.libraries import library
from rollcall.inputs.convert.table import Row


def ion_items(path: Path, content: IO[bytes]) -> Iterator[Row]:
    """Yield the items of a part. Raises Problem for a value that is none."""
    simpleion = library("amazon.ion.simpleion", "Ion")
    from amazon.ion.exceptions import IonException

    number = 0
    values = simpleion.load(content, single_value=False, parse_eagerly=False)
    while True:
        number += 1
        try:
            entry = next(values, None)
            if entry is None:
                return
            item = {str(name): plain(value) for name, value in entry["Item"].items()}
        except (IonException, KeyError, TypeError, AttributeError, ValueError):
            raise Problem(
                f"{path}, value {number:,}: expected an Item of a full export of DynamoDB, in Ion",
                "export the table anew, as a full export",
            ) from None
        yield item


def plain(value: Any) -> Any:
    """A value of Ion as one of Python's own; sets are lists. Raises TypeError for one that DynamoDB does not have."""
    from amazon.ion.core import IonType
    from amazon.ion.simple_types import IonPyNull

    if isinstance(value, IonPyNull):
        return None
    match value.ion_type:
        case IonType.LIST:
            return [plain(element) for element in value]
        case IonType.STRUCT:
            return {str(name): plain(member) for name, member in value.items()}
    own = {IonType.BOOL: bool, IonType.DECIMAL: Decimal, IonType.INT: int, IonType.STRING: str, IonType.BLOB: bytes}
    if value.ion_type not in own:
        raise TypeError(value.ion_type)
    return own[value.ion_type](value)
