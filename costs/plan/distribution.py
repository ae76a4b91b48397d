"""How the work of a batch's items is distributed: milliseconds each."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bootstrap.problem import Problem

EXPECTED = "uniform:LOW-HIGH, constant:MS, exponential:MEAN, lognormal:MEDIAN,SIGMA or file:PATH, in milliseconds"
# Of the largest batch.
MOST_ITEMS = 100_000_000


@dataclass(frozen=True)
class Values:
    """A distribution of milliseconds. `kind` is constant, uniform, exponential, lognormal or file.

    `low` and `high` are its bounds where it is uniform; otherwise `low` is the value, the mean or the median, and
    `high` the sigma of a lognormal. `measured` are a file's values, which `path` stands for.
    """

    kind: str
    low: float
    high: float
    path: str = ""
    measured: np.ndarray | None = field(default=None, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> "Values":
        """The distribution that `text` names. Raises Problem, which says what was expected."""
        kind, _, rest = text.partition(":")
        try:
            match kind:
                case "constant":
                    values = cls(kind, float(rest), float(rest))
                case "uniform":
                    low, high = map(float, rest.split("-"))
                    values = cls(kind, low, high)
                case "exponential":
                    values = cls(kind, float(rest), float(rest))
                case "lognormal":
                    median, sigma = map(float, rest.split(","))
                    values = cls(kind, median, sigma)
                case "file":
                    return cls.of_file(Path(rest))
                case _:
                    raise ValueError(f"{kind!r} is no distribution")
        except ValueError as error:
            raise Problem(f"{text!r} is no distribution of values: {error}", f"expected {EXPECTED}") from error
        if not (math.isfinite(values.low) and math.isfinite(values.high)) or min(values.low, values.high) < 0:
            raise Problem(f"{text!r}: its numbers must be finite and not negative", f"expected {EXPECTED}")
        if kind == "uniform" and values.low > values.high:
            raise Problem(f"{text!r}: the lower bound comes first", f"expected {EXPECTED}")
        if not values.finite:
            raise Problem(f"{text!r}: its mean and its largest values must be finite", f"expected {EXPECTED}")
        return values

    @classmethod
    def of_file(cls, path: Path) -> "Values":
        """What was measured: a text file with the milliseconds of one item on each line. Raises Problem."""
        try:
            measured = np.array([float(line) for line in path.read_text().split()])
        except (OSError, ValueError) as error:
            raise Problem(
                f"{path}: {error}", "expected a text file with one number of milliseconds on each line"
            ) from error
        if not measured.size or not np.isfinite(measured).all() or measured.min() < 0:
            raise Problem(f"{path}: its numbers must be finite and not negative, and there must be one at least")
        values = cls("file", float(measured.min()), float(measured.max()), str(path), measured)
        if not values.finite:
            raise Problem(f"{path}: its mean and its largest values must be finite")
        return values

    @property
    def finite(self) -> bool:
        """Whether sums over a batch of such items can be told at all."""
        try:
            return math.isfinite(max(self.mean, self.largest) * MOST_ITEMS)
        except OverflowError:
            return False

    @property
    def mean(self) -> float:
        """Milliseconds of an item on average."""
        match self.kind:
            case "uniform":
                return (self.low + self.high) / 2
            case "lognormal":
                return self.low * math.exp(self.high**2 / 2)
            case "file":
                return float(self._measured().mean())
            case _:
                return self.low

    @property
    def largest(self) -> float:
        """Milliseconds that (nearly) no item exceeds: the bound, or what one item in 10,000 does exceed."""
        match self.kind:
            case "exponential":
                return self.low * math.log(10_000)
            case "lognormal":
                return self.low * math.exp(3.719 * self.high)
            case _:
                return self.high

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """`n` values drawn, in milliseconds."""
        match self.kind:
            case "uniform":
                return rng.uniform(self.low, self.high, n)
            case "exponential":
                return rng.exponential(self.low, n)
            case "lognormal":
                return self.low * rng.lognormal(0, self.high, n)
            case "file":
                return rng.choice(self._measured(), n)
            case _:
                return np.full(n, self.low)

    def scaled(self, factor: float) -> "Values":
        """The same work on a machine that takes `factor` times as long."""
        if self.kind == "file":
            # The factor is part of the name: two scales of one file are different values.
            name = self.path if factor == 1 else f"{self.path} x {factor:g}"
            return Values("file", self.low * factor, self.high * factor, name, self._measured() * factor)
        return replace(self, low=self.low * factor, high=self.high if self.kind == "lognormal" else self.high * factor)

    def __str__(self) -> str:
        match self.kind:
            case "uniform":
                return f"{self.low:g} to {self.high:g} ms, uniform"
            case "lognormal":
                return f"lognormal, median {self.low:g} ms, sigma {self.high:g}"
            case "file":
                return f"as in {self.path}, {self.mean:,.0f} ms on average"
            case "exponential":
                return f"exponential, {self.low:g} ms on average"
            case _:
                return f"{self.low:g} ms each"

    def _measured(self) -> np.ndarray:
        assert self.measured is not None
        return self.measured
