"""Your source: where the items of a batch come from. Change this file and work.py, and nothing else.

The same request must give the same items in the same order, because a batcher that died is resumed in mid-batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b

from handlers.aws.input_object import object_items, pinned
from handlers.core.batch import BatchRequest


@dataclass(frozen=True)
class Extent:
    """What a batch's items are cut into segments by.

    `length`: how many random items, or how many bytes of JSON Lines; None when they can only be read from the start
    to the end. `items`: how many there are, or an estimate where only reading would tell.
    """

    length: int | None
    items: int


def survey(request: BatchRequest) -> tuple[BatchRequest, Extent]:
    """Look at the source when the batch starts: the request, with its input pinned as it is now, and its extent.

    Raises InvalidRequest when there is nothing to read.
    """
    if not request.input:
        return request, Extent(request.items, request.items)
    source, length, estimate = pinned(request.input)
    return replace(request, input=source), Extent(length, estimate)


def items(
    request: BatchRequest, batch_id: str, first: int = 0, last: int | None = None, skip: int = 0
) -> Iterator[dict]:
    """Yield items, each an object with an `id` unique in its batch: those of the extent's part [first, last).

    Of random items these are indexes; of JSON Lines, the lines that begin in these bytes; what has no length is read
    whole. The first `skip` of the part are left out. Raises InvalidRequest when the input cannot be read.
    """
    if request.input:
        return object_items(request.input, first, last, skip)
    return random_items(request, batch_id, first + skip, request.items if last is None else last)


def random_items(request: BatchRequest, batch_id: str, first: int, last: int) -> Iterator[dict]:
    """Items of the example: a random `value` up to `maxValue`, drawn from the batch's id and the item's index."""
    for index in range(first, last):
        draw = int.from_bytes(blake2b(f"{batch_id}/{index}".encode(), digest_size=8).digest())
        item = {"id": f"{index:09d}", "value": draw % (request.max_value + 1)}
        if (draw >> 32) < request.fail_rate * 2**32:
            item["fail"] = True
        yield item
