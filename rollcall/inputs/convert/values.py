"""Values of tables as JSON: nothing is rounded, and what JSON cannot say is written as a text and remembered."""

import math
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from bootstrap.problem import Problem
from handlers.core.json_text import dumps

# Beyond these powers of ten a number is written with an exponent.
LEAST_POWER, MOST_POWER = -20, 40
NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


class JsonValues:
    """Writes values as JSON. `not_finite` and `long` count, by column, what a reader of the file should know."""

    def __init__(self) -> None:
        self.not_finite: Counter[str] = Counter()
        self.long: Counter[str] = Counter()

    def text(self, value: Any, column: str) -> str:
        """The JSON of a value. Raises Problem for a value of a type that has none."""
        match value:
            case None | bool() | str():
                text = dumps(value)
            case int():
                text = int.__repr__(value)
            case float() | Decimal():
                text = self._number(value, column)
            case bytes():
                text = f'"{b64encode(value).decode()}"'
            case datetime() | date() | time():
                text = f'"{value.isoformat()}"'
            case timedelta():
                text = number_text(seconds_of(value))
            case Mapping():
                members = (f"{dumps(str(name))}:{self.text(member, column)}" for name, member in value.items())
                text = f"{{{','.join(members)}}}"
            case list() | tuple():
                text = f"[{','.join(self.text(element, column) for element in value)}]"
            case _:
                raise Problem(f"column {column!r} holds a {type(value).__name__}, which has no form in JSON")
        return text

    def _number(self, value: float | Decimal, column: str) -> str:
        if not math.isfinite(value):
            self.not_finite[column] += 1
            return f'"{NOT_FINITE[repr(float(value))]}"'
        if isinstance(value, float):
            return float.__repr__(value)
        text = number_text(value)
        # A batch reads a number with a fraction or an exponent as a double.
        if not text.lstrip("-").isdigit() and Decimal(repr(float(text))) != value:
            self.long[column] += 1
        return text


def number_text(number: Decimal) -> str:
    """A number with all of its digits."""
    return format(number, "f") if LEAST_POWER < number.adjusted() < MOST_POWER else str(number)


def seconds_of(duration: timedelta) -> Decimal:
    """A duration in seconds, exactly."""
    return Decimal(duration.days * 86_400 + duration.seconds) + Decimal(duration.microseconds).scaleb(-6)


def id_text(value: Any, place: str) -> str | None:
    """A value as an item's id; None for an empty one. Raises Problem for one that can be no id."""
    text = None
    match value:
        case None | "":
            return None
        case str():
            text = value
        case bool():
            pass
        case int():
            text = int.__repr__(value)
        case float() if math.isfinite(value):
            text = str(int(value)) if value.is_integer() else float.__repr__(value)
        case Decimal() if value.is_finite():
            text = number_text(value)
        case datetime() | date() | time():
            text = value.isoformat()
        case bytes():
            text = bytes_text(value)
    if text is None:
        raise Problem(
            f"{place}: the id is {str(value)[:40]!r}, a {type(value).__name__}, expected a text or a number",
            "name another column with --id-column",
        )
    return text


def bytes_text(value: bytes) -> str:
    """Bytes as the text that they are, or else in base64."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return b64encode(value).decode()
