"""How the work of a batch's items is distributed: milliseconds per item."""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from bootstrap.problem import Problem
from handlers.core.batch import LIMITS

if TYPE_CHECKING:
    # The command line parses distributions too, and need not wait for numpy.
    import numpy as np

EXPECTED = "uniform:LOW-HIGH, constant:MS, exponential:MEAN, lognormal:MEDIAN,SIGMA or file:PATH, in milliseconds"
# The separator of a kind's two numbers; the other kinds have one number.
SEPARATORS = {"uniform": "-", "lognormal": ","}
WORDS = {
    "constant": "{0.low:g} ms each",
    "uniform": "{0.low:g} to {0.high:g} ms, uniform",
    "exponential": "exponential, {0.low:g} ms on average",
    "lognormal": "lognormal, median {0.low:g} ms, sigma {0.high:g}",
    "file": "as in {0.path}, {0.mean:,.0f} ms on average",
}


@dataclass(frozen=True)
class Distribution:
    """A distribution of milliseconds. `kind` is constant, uniform, exponential, lognormal or file.

    For uniform and file, `low` and `high` are the bounds. Otherwise `low` is the value, the mean or the median, and
    `high` is the sigma of a lognormal. `measured` are the values of the file `path`.
    """

    kind: str
    low: float
    high: float
    path: str = ""
    measured: tuple[float, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> "Distribution":
        """The distribution that `text` names; a text file has the milliseconds of one item per line.

        Raises Problem, which says what was expected.
        """
        kind, _, rest = text.partition(":")
        measured: tuple[float, ...] = ()
        try:
            if kind == "file":
                measured = tuple(map(float, Path(rest).read_text().split()))
                if not measured:
                    raise ValueError("it needs a number on each line, and one at least")
                low, high = min(measured), max(measured)
            elif kind not in WORDS:
                raise ValueError(f"{kind!r} is no distribution")
            else:
                separator = SEPARATORS.get(kind)
                low, high = map(float, rest.split(separator)) if separator else [float(rest)] * 2
            found = cls(kind, low, high, rest if measured else "", measured)
            if not all(0 <= number < math.inf for number in (low, high, *measured)):
                raise ValueError("its numbers must be finite and not negative")
            if kind == "uniform" and low > high:
                raise ValueError("the lower bound comes first")
            if not found.finite:
                raise ValueError("its mean and its largest values must be finite")
        except (OSError, ValueError) as error:
            expected = "a text file with the milliseconds of one item on each line" if kind == "file" else EXPECTED
            raise Problem(f"{text!r} is no distribution of values: {error}", f"expected {expected}") from error
        return found

    @property
    def finite(self) -> bool:
        """Whether the work of the largest possible batch of such items is a finite number."""
        try:
            return math.isfinite(max(self.mean, self.largest) * LIMITS["items"][2])
        except OverflowError:
            return False

    @cached_property
    def mean(self) -> float:
        """The average item's milliseconds."""
        match self.kind:
            case "uniform":
                return (self.low + self.high) / 2
            case "lognormal":
                return self.low * math.exp(self.high**2 / 2)
            case "file":
                return fmean(self.measured)
            case _:
                return self.low

    @property
    def largest(self) -> float:
        """The upper bound in milliseconds; if there is none, the value that one item in 10,000 exceeds."""
        match self.kind:
            case "exponential":
                return self.low * math.log(10_000)
            case "lognormal":
                return self.low * math.exp(3.719 * self.high)
            case _:
                return self.high

    def sample(self, rng: "np.random.Generator", n: int) -> "np.ndarray":
        """`n` random values, in milliseconds."""
        match self.kind:
            case "exponential":
                return rng.exponential(self.low, n)
            case "lognormal":
                return self.low * rng.lognormal(0, self.high, n)
            case "file":
                return rng.choice(self.measured, n)
            case _:
                return rng.uniform(self.low, self.high, n)

    def scaled(self, factor: float) -> "Distribution":
        """The same work on a machine that takes `factor` times as long."""
        return replace(
            self,
            low=self.low * factor,
            high=self.high if self.kind == "lognormal" else self.high * factor,
            # The factor is part of the name: two scales of one file are different distributions.
            path=f"{self.path} x {factor:g}" if self.path and factor != 1 else self.path,
            measured=tuple(value * factor for value in self.measured),
        )

    def __str__(self) -> str:
        return WORDS[self.kind].format(self)
