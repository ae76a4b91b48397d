"""Items of a chunk as a bitmap, one bit an item. An empty bitmap marks none."""

from collections.abc import Iterable


def with_marked(bitmap: bytes, indexes: Iterable[int], count: int) -> bytes:
    """`bitmap` of a chunk of `count` items, with `indexes` marked as well."""
    bits = bytearray(bitmap or bytes((count + 7) // 8))
    for index in indexes:
        bits[index // 8] |= 1 << index % 8
    return bytes(bits) if any(bits) else b""


def marked_indexes(bitmap: bytes) -> list[int]:
    """The indexes of the items that are marked."""
    return [index for index in range(8 * len(bitmap)) if bitmap[index // 8] >> index % 8 & 1]


def unmarked_indexes(bitmap: bytes, count: int) -> list[int]:
    """The indexes of a chunk's `count` items that are not marked."""
    marked = set(marked_indexes(bitmap))
    return [index for index in range(count) if index not in marked]
