"""A quantity that may not be known exactly: what is expected of it, and between what it lies."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Never less than `low`, never more than `high`; all three are equal where the workload alone decides."""

    low: float
    expected: float
    high: float

    @classmethod
    def of(cls, low: float, expected: float, high: float) -> "Range":
        """With the bounds in order, and what is expected brought within them."""
        low, high = min(low, high), max(low, high)
        return cls(low, min(max(expected, low), high), high)

    @classmethod
    def exactly(cls, value: float) -> "Range":
        """What is known."""
        return cls(value, value, value)

    @classmethod
    def over[T](cls, cases: "tuple[T, T, T]", quantity: Callable[[T], float]) -> "Range":
        """The quantity in three cases (least, expected, most): bounded by the least and the greatest of them."""
        found = [quantity(case) for case in cases]
        return cls(min(found), found[1], max(found))

    def __add__(self, other: "Range | float") -> "Range":
        other = ranged(other)
        return Range(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __mul__(self, other: "Range | float") -> "Range":
        other = ranged(other)
        return Range(self.low * other.low, self.expected * other.expected, self.high * other.high)

    __radd__ = __add__
    __rmul__ = __mul__

    def map(self, function: Callable[[float], float]) -> "Range":
        """What a function that never decreases makes of it."""
        return Range(function(self.low), function(self.expected), function(self.high))

    def per(self, size: float) -> "Range":
        """How many groups of `size` it takes."""
        return self.map(lambda quantity: math.ceil(quantity / size))

    def at_most(self, most: float) -> "Range":
        return self.map(lambda quantity: min(quantity, most))


def ranged(value: "Range | float") -> Range:
    """A plain number is known exactly."""
    return value if isinstance(value, Range) else Range.exactly(value)


NONE = Range.exactly(0)
