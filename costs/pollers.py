"""The cost of the provisioned pollers of the processor's event source, while a batch runs and while the stack is idle.

A poller counts as one unit, which AWS has not confirmed.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

import math
from dataclasses import dataclass

from costs.facts.figures import Quotas, Rules
from costs.facts.prices import PriceBook
from costs.format import dollars
from costs.usage import NOTES, PROCESSOR, Usage

UNIT_HOURS = "lambda.poller_unit_hours"


@dataclass(frozen=True)
class ProvisionedPollers:
    """From `least` pollers, which always run, to `most`. Each keeps `concurrency` invocations going."""

    most: int
    least: int
    concurrency: int

    @classmethod
    def of(cls, most: int, quotas: Quotas) -> "ProvisionedPollers":
        """The pollers of MaximumPollers `most`, with AWS's defaults for the rest."""
        least = min(most, int(quotas["lambda.provisioned_minimum_pollers"]))
        return cls(most, least, int(quotas["lambda.provisioned_poller_concurrency"]))

    @property
    def idle_hours(self) -> float:
        """The poller hours of a month without a batch."""
        return self.least * Rules.load()["month.hours"]

    def planned(self, invocations: float, seconds: float, book: PriceBook) -> Usage:
        """The usage of a batch that takes `seconds`, with `invocations` at a time."""
        idle = dollars(book.dollars(UNIT_HOURS, self.idle_hours))
        hours = seconds / 3600
        needed = max(math.ceil(invocations / self.concurrency), self.least)
        note = NOTES["pollers_planned"].format(least=self.least, idle=idle)
        low, quantity, high = (pollers * hours for pollers in (self.least, min(needed, self.most), self.most))
        return Usage(UNIT_HOURS, quantity, PROCESSOR, low=low, high=high, note=note)

    def metered(self, invoked_seconds: float, seconds: float) -> Usage:
        """The usage of a batch that took `seconds`, with invocations of `invoked_seconds` together."""
        note = NOTES["pollers_metered"].format(most=self.most, least=self.least)
        hours = max(invoked_seconds / self.concurrency, self.least * seconds) / 3600
        return Usage(UNIT_HOURS, hours, PROCESSOR, note=note)

    def idle(self, event_source: str) -> Usage:
        """The usage of a month without a batch."""
        note = NOTES["pollers_idle"].format(least=self.least)
        return Usage(UNIT_HOURS, self.idle_hours, None, event_source, note=note)
