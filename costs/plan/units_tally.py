"""Collects what a batch uses, line by line, as the bill's and the meter's rows are told apart."""

from dataclasses import dataclass, field

from costs.plan.units_range import Range, ranged
from costs.usage import Usage


@dataclass
class Tally:
    """The usages so far."""

    usages: list[Usage] = field(default_factory=list)

    def add(
        self,
        price: str,
        function: str | None,
        operation: str,
        quantity: Range | float,
        what: str,
        *,
        own: bool = False,
        note: str = "",
    ) -> None:
        """One line, unless there can be nothing of it. `function` is the logical id."""
        amount = ranged(quantity)
        if amount.high:
            self.usages.append(
                Usage(
                    price=price,
                    quantity=amount.expected,
                    low=amount.low,
                    high=amount.high,
                    what=what,
                    own=own,
                    function=function,
                    operation=operation,
                    note=note,
                )
            )
