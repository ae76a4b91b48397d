"""How large an item is as JSON, from the very code that makes it."""

import itertools
import math

from costs.plan.distribution import Values
from costs.plan.settings import Workload
from costs.plan.units_range import Range
from handlers.core.items import checked

# As handlers/source.py marks a random item that is to fail.
FAIL = {"fail": True}
SAMPLE = {"id": f"{0:09d}", "value": 0}


def item_bytes(workload: Workload) -> Range:
    """Bytes of an item's JSON text as it travels.

    Known where `workload.item_bytes` gives it, taken as the size of every item. Otherwise items are the example's,
    whose ids have nine digits; the digits of the value decide, and for those of a `fail_rate` the mark.
    """
    if workload.item_bytes is not None:
        return Range.exactly(workload.item_bytes)
    bare = len(checked(SAMPLE, 0)) - 1
    mark = len(checked(SAMPLE | FAIL, 0)) - bare - 1
    rate = workload.fail_rate
    marked = Range(mark * math.floor(rate), mark * rate, mark * math.ceil(rate))
    return digits(workload.values) + bare + marked


def digits(values: Values) -> Range:
    """Digits of a value, a whole number of milliseconds: fewest, on average, most."""
    spread = values.kind in ("uniform", "constant", "file")
    low, high = (values.low, values.high) if spread else (0, values.largest)
    least, most = len(str(math.floor(low))), len(str(math.floor(high)))
    if values.kind != "uniform":
        return Range.of(least, len(str(math.floor(values.mean))), most)
    edges = [math.floor(low), *(10**power for power in range(least, most)), math.floor(high) + 1]
    classes = zip(itertools.pairwise(edges), range(least, most + 1), strict=True)
    mean = sum((end - start) * length for (start, end), length in classes) / (edges[-1] - edges[0])
    return Range(least, mean, most)
