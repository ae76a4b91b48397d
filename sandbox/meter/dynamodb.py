"""What reads and writes of DynamoDB are billed as, given the sizes of the items."""

from collections.abc import Iterable

from sandbox.meter.ledger import Unit
from sandbox.meter.rules import read_units, write_units

FAILED_CONDITION = ":failed-condition"
"""Added to the operation of a write that was billed and did nothing."""


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
