"""Where an item is in moto's tables."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table


class Place(NamedTuple):
    """The place of an item that may exist."""

    table: Table
    hash_key: DynamoType
    range_key: DynamoType | None

    def item(self) -> Any:
        """The item, None if there is none."""
        # Not get_item: a defaultdict would keep an empty partition for the key.
        found: Any = self.table.items.get(self.hash_key)
        return found.get(self.range_key) if found is not None and self.range_key else found

    def put(self, item: Any) -> None:
        """Put the item there; None removes what is there."""
        part: Any = self.table.items[self.hash_key] if self.range_key else self.table.items
        if item is None:
            part.pop(self.range_key or self.hash_key, None)
        else:
            part[self.range_key or self.hash_key] = item


def place_of(tables: Mapping[str, Table], name: str, key: Mapping[str, Any]) -> Place | None:
    """The place of the item with this key; None if the table does not exist or the key is not whole."""
    table = tables.get(name.rpartition("/")[2])
    if table is None or not all(key.get(attribute) for attribute in table.table_key_attrs):
        return None
    range_key = DynamoType(dict(key[table.range_key_attr])) if table.range_key_attr else None
    return Place(table, DynamoType(dict(key[table.hash_key_attr])), range_key)
