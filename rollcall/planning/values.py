"""How the values of a batch's items are distributed: milliseconds of work each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Values:
    """A distribution that can be sampled. `kind` is constant, uniform, exponential or lognormal; milliseconds."""

    kind: str
    low: float
    high: float
