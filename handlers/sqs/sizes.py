"""How large a record is by DynamoDB's rule, and what of an error fits beside an item. Pure.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html: names and values count;
a text its UTF-8 bytes, a number a byte for every two significant digits and one more, a binary its bytes, a boolean
one. A set is the sum of its elements.
"""

import math
from collections.abc import Mapping
from typing import Any

WRITE_BYTES = 1024
# An item that leaves less than this of its last kilobyte takes one more for its error.
LEAST_ERROR_BYTES = 100


def record_bytes(record: Mapping[str, Any]) -> int:
    """The size of a record in DynamoDB's own types."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in record.items())


def value_bytes(value: dict[str, Any]) -> int:
    """The size of an attribute's value."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return number_bytes(content)
        case "NS":
            return sum(map(number_bytes, content))
        case "B":
            return len(content)
        case "BOOL":
            return 1
        case _:
            return len(content.encode())


def number_bytes(text: str) -> int:
    """A number's size: leading and trailing zeros do not count."""
    digits = text.replace(".", "")
    return math.ceil(len(digits.lstrip("-0").rstrip("0")) / 2) + 1


def error_room(size: int) -> int:
    """How many bytes of its error a failed item's record takes, which has `size` without: up to a whole write unit."""
    return -(size + LEAST_ERROR_BYTES) % WRITE_BYTES + LEAST_ERROR_BYTES


def beginning(text: str, size: int) -> str:
    """As much of a text as fits into `size` bytes of UTF-8."""
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")
