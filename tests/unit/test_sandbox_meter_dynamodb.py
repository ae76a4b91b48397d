"""DynamoDB's units by AWS's documented rules and examples.

Capacity units: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
Sizes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

import pytest

from sandbox.meter.dynamodb import read, read_units, scanned, write_units, written
from sandbox.meter.item_size import item_bytes, value_bytes

KB = 1024


def quantity(units) -> float:
    return sum(unit.quantity for unit in units)


# read-write-operations, "Capacity unit consumption for read operations": an item of 8 KB.
def test_a_read_of_8_kb_is_two_units_one_where_eventually_consistent_four_in_a_transaction():
    assert quantity(read("GetItem", [8 * KB], consistent=True)) == 2
    assert quantity(read("GetItem", [8 * KB], consistent=False)) == 1
    assert quantity(read("TransactGetItems", [8 * KB], consistent=True, transactional=True)) == 4


# The same page, GetItem: 3.5 KB counts as 4 KB, 10 KB as 12 KB; and its note of 3,500 bytes.
@pytest.mark.parametrize(("size", "units"), [(3.5 * KB, 1), (3500, 1), (4 * KB, 1), (4 * KB + 1, 2), (10 * KB, 3)])
def test_a_read_is_rounded_up_to_4_kb(size, units):
    assert read_units(int(size), consistent=True) == units
    assert read_units(int(size), consistent=False) == units / 2


# The same page, BatchGetItem: items of 1.5 KB and 6.5 KB count as 12 KB, not as 8 KB.
def test_each_item_of_a_batch_is_rounded_for_itself():
    assert quantity(read("BatchGetItem", [int(1.5 * KB), int(6.5 * KB)], consistent=True)) == 3


# The same page, Query: 10 items of 40.8 KB together count as 44 KB; 1,500 items of 64 bytes as 96 KB.
def test_the_items_of_a_query_are_rounded_together():
    assert quantity(scanned("Query", [int(4.08 * KB)] * 10, consistent=True)) == 44 / 4
    assert quantity(scanned("Query", [64] * 1500, consistent=True)) == 96 / 4


# botocore's Query: one that finds nothing consumes the minimum for its kind of read.
def test_a_query_that_finds_nothing_and_a_get_of_a_missing_item_are_the_smallest_read():
    assert quantity(scanned("Query", [], consistent=True)) == 1
    assert quantity(scanned("Query", [], consistent=False)) == 0.5
    assert quantity(read("GetItem", [0], consistent=True)) == 1
    assert quantity(read("GetItem", [0], consistent=False)) == 0.5


# The same page, PutItem: 500 bytes count as 1 KB, 1.5 KB as 2 KB.
@pytest.mark.parametrize(("size", "units"), [(0, 1), (500, 1), (KB, 1), (KB + 1, 2), (1.5 * KB, 2)])
def test_a_write_is_rounded_up_to_1_kb_and_at_least_one_unit(size, units):
    assert write_units(int(size)) == units


# The same page, BatchWriteItem: items of 500 bytes and 3.5 KB count as 5 KB, not as 4 KB.
def test_each_write_of_a_batch_is_rounded_for_itself():
    assert quantity(written("BatchWriteItem", [(0, 500), (0, int(3.5 * KB))])) == 5


# The same page, UpdateItem: the larger of the sizes before and after, even if only a part is changed.
def test_an_update_counts_the_larger_of_before_and_after():
    assert quantity(written("UpdateItem", [(10 * KB, 2 * KB)])) == 10
    assert quantity(written("UpdateItem", [(2 * KB, 10 * KB)])) == 10


# The same page, "Capacity unit consumption for write operations": twice in a transaction.
def test_a_transaction_writes_twice():
    assert quantity(written("TransactWriteItems", [(0, 2 * KB), (KB, KB)], transactional=True)) == 2 * (2 + 1)


# CapacityUnitCalculations: UTF-8 texts; numbers by significant digits; raw bytes; 1 byte for null and boolean.
@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "abc"}, 3),
        ({"S": "ä€"}, 5),
        ({"N": "1"}, 2),
        ({"N": "12"}, 2),
        ({"N": "123"}, 3),
        ({"N": "0012300"}, 3),
        ({"N": "-1.500"}, 2),
        ({"N": "1795432100123"}, 8),
        ({"N": "0"}, 1),
        ({"B": b"12345"}, 5),
        ({"B": "MTIzNDU="}, 5),  # as moto keeps it
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["ab", "c"]}, 3),
        ({"NS": ["1", "123"]}, 5),
        ({"BS": [b"12", b"3"]}, 3),
        ({"L": []}, 3),
        ({"M": {}}, 3),
        ({"L": [{"S": "ab"}, {"N": "1"}]}, 3 + (1 + 2) + (1 + 2)),
        ({"M": {"key": {"S": "ab"}}}, 3 + (1 + 3 + 2)),
    ],
)
def test_the_size_of_a_value(value, size):
    assert value_bytes(value) == size


def test_the_size_of_an_item_is_that_of_its_names_and_values():
    assert item_bytes({"PK": {"S": "batch#a"}, "größe": {"N": "7"}}) == 2 + 7 + 7 + 2
