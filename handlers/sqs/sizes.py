"""The size of a record by DynamoDB's rule, and the room for an error beside an item.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html: names and values count.
A text counts its UTF-8 bytes, a number a byte for every two significant digits and one more, a binary its bytes, a
boolean one. A set counts the sum of its elements.
"""

import math
from collections.abc import Mapping
from typing import Any

WRITE_BYTES = 1024
# An item that leaves less than this of its last write unit takes one more for its error.
LEAST_ERROR_BYTES = 100


def record_bytes(record: Mapping[str, Any]) -> int:
    """The size of a record in DynamoDB's own types."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in record.items())


def value_bytes(value: dict[str, Any]) -> int:
    """The size of an attribute's value."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind in ("N", "NS"):
        return sum(map(number_bytes, [content] if kind == "N" else content))
    return 1 if kind == "BOOL" else len(content)


def number_bytes(text: str) -> int:
    """The size of a number, without its leading and trailing zeros."""
    digits = text.replace(".", "")
    return math.ceil(len(digits.lstrip("-0").rstrip("0")) / 2) + 1


def error_room(size: int) -> int:
    """The bytes left for the error in a failed item's record of `size` without it: up to a full write unit."""
    return -(size + LEAST_ERROR_BYTES) % WRITE_BYTES + LEAST_ERROR_BYTES
