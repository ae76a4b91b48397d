"""The size of a DynamoDB item by AWS's rules.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from collections.abc import Mapping
from typing import Any

STORAGE_OVERHEAD_BYTES = 100
"""The bytes that a stored item takes besides its size. Reads and writes do not count them."""


def item_bytes(item: Mapping[str, Any]) -> int:
    """Names and values of all attributes. A value is `{"S": ...}` or an object with `type` and `value`, as moto has."""
    return sum(_text(name) + value_bytes(value) for name, value in item.items())


def value_bytes(value: Any) -> int:  # noqa: PLR0911  a case for each of DynamoDB's types
    """One value without its name."""
    kind, content = next(iter(value.items())) if isinstance(value, dict) else (value.type, value.value)
    match kind:
        case "S":
            return _text(content)
        case "N":
            return _number(content)
        case "B":
            return _binary(content)
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(map(_text, content))
        case "NS":
            return sum(map(_number, content))
        case "BS":
            return sum(map(_binary, content))
        case "L":
            return 3 + sum(1 + value_bytes(element) for element in content)
        case "M":
            return 3 + sum(1 + _text(name) + value_bytes(element) for name, element in content.items())
    raise ValueError(f"not a DynamoDB value: {kind!r}")


def _text(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _number(text: Any) -> int:
    """A byte for two significant digits, and one: zeroes before and after them are not kept."""
    mantissa = str(text).lower().partition("e")[0].lstrip("+-")
    digits = mantissa.replace(".", "").lstrip("0")
    # Zeroes at the end are trimmed of 1000 as of 1.500.
    return (len(digits.rstrip("0")) + 1) // 2 + 1


def _binary(content: bytes | str) -> int:
    """The raw bytes; moto keeps them as base64 text."""
    if isinstance(content, bytes):
        return len(content)
    return len(content) * 3 // 4 - content[-2:].count("=")
