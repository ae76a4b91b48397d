"""The settled items of a chunk as a bitmap, one bit an item. An item is settled once it is done or failed for good."""

from collections.abc import Iterable


def with_settled(bitmap: bytes, indexes: Iterable[int], count: int) -> bytes:
    """`bitmap` (empty: no item is settled) of a chunk of `count` items, with `indexes` settled as well."""
    bits = bytearray(bitmap or bytes((count + 7) // 8))
    for index in indexes:
        bits[index // 8] |= 1 << index % 8
    return bytes(bits)


def pending_indexes(bitmap: bytes, count: int) -> list[int]:
    """The indexes of the items that are not settled yet."""
    if not bitmap:
        return list(range(count))
    return [index for index in range(count) if not bitmap[index // 8] >> index % 8 & 1]
