"""The items of a batch: the same ones that Rollcall draws for a batch of that id (handlers/source.py)."""

from hashlib import blake2b


def drawn(batch_id, count, max_value):
    """`count` items with a `value` from 0 to `max_value`."""
    values = (
        int.from_bytes(blake2b(f"{batch_id}/{index}".encode(), digest_size=8).digest()) % (max_value + 1)
        for index in range(count)
    )
    return [{"id": f"{index:09d}", "value": value} for index, value in enumerate(values)]
