"""What reads and writes of DynamoDB are billed as, given the sizes of the items.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import math
from collections.abc import Iterable

from sandbox.meter.ledger import Unit

WRITE_BYTES = 1024
READ_BYTES = 4096
FAILED_CONDITION = ":failed-condition"
"""Added to the operation of a write that was billed and did nothing."""


def write_units(size: int) -> int:
    """One for each KB of an item, which is at least one: also where there is no item."""
    return max(1, math.ceil(size / WRITE_BYTES))


def read_units(size: int, consistent: bool) -> float:
    """One for each 4 KB, at least one, and half of that where the read is eventually consistent."""
    return max(1, math.ceil(size / READ_BYTES)) * (1 if consistent else 0.5)


def written(operation: str, sizes: Iterable[tuple[int, int]], transactional: bool = False) -> list[Unit]:
    """A write of items with these (sizes before, sizes after), 0 where there is none: the larger counts, item by item.

    A transaction writes each item twice, once to prepare and once to commit.
    """
    total = sum(write_units(max(before, after)) for before, after in sizes)
    return [Unit("dynamodb.write_units", operation, total * (2 if transactional else 1))]


def read(operation: str, sizes: Iterable[int], consistent: bool, transactional: bool = False) -> list[Unit]:
    """A read of items of these sizes, each for itself; 0 where there is none."""
    total = sum(read_units(size, consistent or transactional) for size in sizes)
    return [Unit("dynamodb.read_units", operation, total * (2 if transactional else 1))]


def looked_through(operation: str, sizes: Iterable[int], consistent: bool) -> list[Unit]:
    """A query or scan: all items that were looked at together, whatever was returned of them."""
    return [Unit("dynamodb.read_units", operation, read_units(sum(sizes), consistent))]
