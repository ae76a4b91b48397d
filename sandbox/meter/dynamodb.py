"""The billing units of DynamoDB's reads and writes, by the sizes of the items. Pure."""

from collections.abc import Iterable

from sandbox.meter.ledger import Unit
from sandbox.meter.rules import read_units, write_units

FAILED_CONDITION = ":failed-condition"
"""A suffix for the operation of a write whose condition failed, which is billed all the same."""


def written(operation: str, sizes: Iterable[tuple[int, int]], transactional: bool = False) -> list[Unit]:
    """A write of items with these (size before, size after), 0 without an item: the larger size of each counts.

    A transaction writes each item twice, once to prepare and once to commit.
    """
    total = sum(write_units(max(before, after)) for before, after in sizes)
    return [Unit("dynamodb.write_units", operation, total * (2 if transactional else 1))]


def read(operation: str, sizes: Iterable[int], consistent: bool, transactional: bool = False) -> list[Unit]:
    """A read of items with these sizes, each rounded up for itself; 0 without an item."""
    total = sum(read_units(size, consistent or transactional) for size in sizes)
    return [Unit("dynamodb.read_units", operation, total * (2 if transactional else 1))]


def scanned(operation: str, sizes: Iterable[int], consistent: bool) -> list[Unit]:
    """A query or scan: the sizes of all items that it read are added up, also of those that it does not return."""
    return [Unit("dynamodb.read_units", operation, read_units(sum(sizes), consistent))]
