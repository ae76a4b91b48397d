"""An amount of something that AWS charges for: the one shape that the meter's, the bill's and the plan's units have."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Usage:
    """So much of the price book's `price`.

    `quantity` is in that price's unit (requests, write units, GB-seconds, bytes, ...), never rounded to its pack.
    `what` says in a few words what it was for. `own` marks the user's own work (Lambda time spent in `process`); the
    rest is orchestration. `low` and `high` bound a quantity that timing decides; equal to it where the workload alone
    does. `note` says how it was derived where it was not counted.
    """

    price: str
    quantity: float
    what: str
    own: bool = False
    function: str | None = None
    operation: str | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""
