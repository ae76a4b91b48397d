"""The size of a new item is added up once; stock moto adds up all attributes before it again for each attribute."""

from typing import Any

from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict

MAX_BYTES = 405_000
"""As moto has it in `LimitedSizeDict`, which goes on to check changed attributes."""


def install() -> None:
    """Make new items cheap."""
    Item.__init__ = _init  # type: ignore[method-assign]


def _init(self: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]) -> None:
    self.hash_key, self.range_key, self.attrs = hash_key, range_key, LimitedSizeDict()
    dict.update(self.attrs, {name: DynamoType(value) for name, value in attrs.items()})
    if self.size() > MAX_BYTES:
        raise ItemSizeTooLarge
