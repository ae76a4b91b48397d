"""A query looks at its own partition only, in order, and with a limit at no more than it returns.

Stock moto sorts all items of the table for every query: 78 ms for `Limit=1` in a table of 20,000 items.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

_stock_init = Table.__init__
_stock_query = Table.query

looked_at: list[Item] = []
"""What the query of a partition that was carried out last went through; its page may have ended before the last."""


def install() -> None:
    """Make queries of tables with a sort key independent of the size of the table."""
    Table.__init__ = _init  # type: ignore[method-assign]
    Table.query = _query  # type: ignore[method-assign]


class Partition(dict[DynamoType, Item]):
    """The items of one partition key by their sort key, and these keys in order."""

    def __init__(self) -> None:
        super().__init__()
        self._order: list[Any] = []
        self._by_value: dict[Any, Item] = {}

    def __setitem__(self, key: DynamoType, item: Item) -> None:
        value = key.cast_value
        if value not in self._by_value:
            insort(self._order, value)
        self._by_value[value] = item
        super().__setitem__(key, item)

    def pop(self, key: DynamoType, *default: Any) -> Any:
        value = key.cast_value
        if self._by_value.pop(value, None) is not None:
            del self._order[bisect_left(self._order, value)]
        return super().pop(key, *default)

    def items_in_order(self, after: DynamoType | None, forward: bool) -> Iterator[Item]:
        """The items whose sort keys come after `after`, or all of them, upwards or downwards."""
        if after is None:
            found = range(len(self._order)) if forward else range(len(self._order) - 1, -1, -1)
        elif forward:
            found = range(bisect_right(self._order, after.cast_value), len(self._order))
        else:
            found = range(bisect_left(self._order, after.cast_value) - 1, -1, -1)
        return (self._by_value[self._order[index]] for index in found)


class _View:
    """A table that seems to hold nothing but `items`."""

    def __init__(self, table: Table, items: list[Item]) -> None:
        self._table = table
        self._items = items

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def all_items(self) -> list[Item]:
        return self._items


def _init(self: Table, *arguments: Any, **options: Any) -> None:
    _stock_init(self, *arguments, **options)
    if self.has_range_key:
        self.items = defaultdict(Partition)


def _query(
    self: Table,
    hash_key: DynamoType,
    range_comparison: str | None,
    range_objs: list[DynamoType],
    limit: int,
    exclusive_start_key: dict[str, Any] | None,
    scan_index_forward: bool,
    projection_expressions: list[list[str]] | None,
    index_name: str | None = None,
    consistent_read: bool = False,
    filter_expression: Any = None,
    **filter_kwargs: Any,
) -> Any:
    table: Any = self
    if index_name is None and self.has_range_key:
        partition: Any = self.items.get(hash_key) or Partition()
        start = DynamoType(exclusive_start_key[str(self.range_key_attr)]) if exclusive_start_key else None
        found = partition.items_in_order(start, forward=scan_index_forward is not False)
        if range_comparison:
            found = (item for item in found if item.range_key.compare(range_comparison, range_objs))
        if limit and not filter_kwargs:
            # One more than the limit, so that moto sees whether there is a next page.
            found = islice(found, limit + 1)
        looked_at[:] = found
        table = _View(self, list(looked_at))
    return _stock_query(
        table,
        hash_key,
        range_comparison,
        range_objs,
        limit,
        exclusive_start_key,  # type: ignore[arg-type]
        scan_index_forward,
        projection_expressions,
        index_name,
        consistent_read,
        filter_expression,
        **filter_kwargs,
    )
