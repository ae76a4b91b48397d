"""moto copies less: items cheaply, and for a transaction only the items that it names.

Stock moto copies every item that a query returns or an update changes. Its deep copy rebuilds each attribute through
Python's pickle protocol and measures the whole item again for each of them: 90 us per small item, so counting 20,000
chunk records took 1.7 s. For a transaction it copies whole tables, in case it must restore them: 4 s for a table of
20,000 items.
"""

import copy
from collections import defaultdict
from typing import Any

from localstack.utils.patch import patch
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table

from sandbox.dynamodb.places import Place


def install() -> None:
    """Make copies of items cheap, and transactions independent of the size of their tables."""
    DynamoType.__deepcopy__ = _copy_value  # type: ignore[attr-defined]
    LimitedSizeDict.__deepcopy__ = _copy_attributes  # type: ignore[attr-defined]
    Item.__deepcopy__ = _copy_item  # type: ignore[attr-defined]
    patch(DynamoDBBackend.transact_write_items)(_transact)


def _copy_value(self: DynamoType, memo: dict[int, Any]) -> DynamoType:
    """Share the values that never change; copy lists, maps and sets."""
    result = DynamoType.__new__(DynamoType)
    result.type = self.type
    result.value = copy.deepcopy(self.value, memo) if isinstance(self.value, (list, dict, set)) else self.value
    return result


def _copy_attributes(self: LimitedSizeDict, memo: dict[int, Any]) -> LimitedSizeDict:
    result = LimitedSizeDict()
    # Not through __setitem__, which checks the item's size: the copy is as large as the original.
    dict.update(result, {key: copy.deepcopy(value, memo) for key, value in self.items()})
    return result


def _copy_item(self: Item, memo: dict[int, Any]) -> Item:
    result = Item(self.hash_key, self.range_key, {})
    result.attrs = copy.deepcopy(self.attrs, memo)
    return result


def _transact(stock: Any, self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """Run the transaction on small tables with copies of the items that it names, then store the results.

    The caller must run one operation at a time.
    """
    real = self.tables
    small: dict[str, Table] = {}
    keys: list[tuple[str, DynamoType, DynamoType | None]] = []
    for item in transact_items:
        for operation in item.values():
            name = operation.get("TableName")
            if name not in real:
                continue  # stock raises the right error for it
            table = small.setdefault(name, _without_items(real[name]))
            key = operation.get("Key") or operation.get("Item") or {}
            if not all(attribute in key for attribute in table.table_key_attrs):
                continue
            hash_key = DynamoType(key[table.hash_key_attr])
            range_key = DynamoType(key[table.range_key_attr]) if table.range_key_attr else None
            keys.append((name, hash_key, range_key))
            Place(table, hash_key, range_key).put(copy.deepcopy(real[name].get_item(hash_key, range_key)))
    self.tables = {**real, **small}
    try:
        stock(self, transact_items)
    finally:
        done, self.tables = self.tables, real
    for name, hash_key, range_key in keys:
        Place(real[name], hash_key, range_key).put(done[name].get_item(hash_key, range_key))


def _without_items(table: Table) -> Table:
    empty = copy.copy(table)
    empty.items = defaultdict(table.items.default_factory)
    return empty
