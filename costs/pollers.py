"""What the provisioned pollers of the processor's event source cost, while a batch runs and while none does.

A poller is taken for one unit, which AWS has not confirmed.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

import math
from dataclasses import dataclass

from costs.facts.figures import Quotas, Rules
from costs.facts.prices import PriceBook
from costs.format import dollars
from costs.usage import PROCESSOR, Usage

UNIT_HOURS = "lambda.poller_unit_hours"
UNCONFIRMED = "taking a poller for one unit, which AWS has not confirmed"


@dataclass(frozen=True)
class ProvisionedPollers:
    """From `least` pollers, which are there always, to `most`; each keeps `concurrency` invocations going."""

    most: int
    least: int
    concurrency: int

    @classmethod
    def of(cls, most: int, quotas: Quotas) -> "ProvisionedPollers":
        """Those of MaximumPollers `most`, and of AWS's default for the rest."""
        least = min(most, int(quotas["lambda.provisioned_minimum_pollers"]))
        return cls(most, least, int(quotas["lambda.provisioned_poller_concurrency"]))

    @property
    def idle_hours(self) -> float:
        """The unit hours of a month without a batch."""
        return self.least * Rules.load()["month.hours"]

    def planned(self, invocations: float, seconds: float, book: PriceBook) -> Usage:
        """Those of a batch that takes `seconds`, with `invocations` going at a time."""
        idle = dollars(book.dollars(UNIT_HOURS, self.idle_hours))
        hours = seconds / 3600
        needed = max(math.ceil(invocations / self.concurrency), self.least)
        note = (
            f"billed here for as long as the batch lasts; {self.least} of them cost on without one, {idle} a month "
            f"({UNCONFIRMED})"
        )
        low, quantity, high = (pollers * hours for pollers in (self.least, min(needed, self.most), self.most))
        return Usage(UNIT_HOURS, quantity, PROCESSOR, low=low, high=high, note=note)

    def metered(self, invoked_seconds: float, seconds: float) -> Usage:
        """Those of a batch that took `seconds`, with invocations of `invoked_seconds` together."""
        note = (
            f"the sandbox has no pollers: of the stack's {self.most:,} as many as its processors needed, and at least "
            f"{self.least} ({UNCONFIRMED})"
        )
        hours = max(invoked_seconds / self.concurrency, self.least * seconds) / 3600
        return Usage(UNIT_HOURS, hours, PROCESSOR, note=note)

    def idle(self, event_source: str) -> Usage:
        """Those of a month without a batch."""
        note = f"{self.least} pollers at any time ({UNCONFIRMED})"
        return Usage(UNIT_HOURS, self.idle_hours, None, event_source, note=note)
