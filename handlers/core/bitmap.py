"""Which items of a chunk are settled, as a bitmap: an eighth of a byte an item. Pure."""

from collections.abc import Iterable


def with_settled(bitmap: bytes, indexes: Iterable[int], count: int) -> bytes:
    """`bitmap` (empty: none settled) of a chunk of `count` items, with `indexes` settled too."""
    bits = bytearray(bitmap or bytes((count + 7) // 8))
    for index in indexes:
        bits[index // 8] |= 1 << index % 8
    return bytes(bits)


def pending_indexes(bitmap: bytes, count: int) -> list[int]:
    """Indexes of the items that are not settled."""
    if not bitmap:
        return list(range(count))
    return [index for index in range(count) if not bitmap[index // 8] >> index % 8 & 1]
