"""The example's source: where the items of a batch come from, unless your work folder has a source.py of its own.

The same request must give the same items in the same order: when a batcher dies, another one resumes in mid-batch.
"""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b

from handlers.aws.listed_files import input_items, pinned_input
from handlers.core.batch import BatchRequest
from handlers.core.json_text import Item
from handlers.core.sources import Extent


def survey(request: BatchRequest) -> tuple[BatchRequest, Extent]:
    """Survey the source as a batch starts: the request, its input pinned, and the extent. Raises InvalidRequest."""
    if not request.input:
        return request, Extent(request.items, request.items)
    source, length, estimate = pinned_input(request.input)
    return replace(request, input=source), Extent(length, estimate)


def items(
    request: BatchRequest, batch_id: str, first: int = 0, last: int | None = None, skip: int = 0
) -> Iterator[Item]:
    """Yield the items of the extent's part [first, last) but the first `skip`. Each has an `id` unique in its batch.

    The part is a range of indexes for random items; of bytes for JSON Lines: the lines that begin there; and of bytes
    for several files, one after the other. A source without a length is read whole. Raises InvalidRequest if the input
    cannot be read.
    """
    if request.input:
        return input_items(request.input, first, last, skip)
    return random_items(request, batch_id, first + skip, request.items if last is None else last)


def random_items(request: BatchRequest, batch_id: str, first: int, last: int) -> Iterator[Item]:
    """The example's items. Their `value`, up to `maxValue`, is drawn from the batch's id and the item's index."""
    for index in range(first, last):
        draw = int.from_bytes(blake2b(f"{batch_id}/{index}".encode(), digest_size=8).digest())
        item: Item = {"id": f"{index:09d}", "value": draw % (request.max_value + 1)}
        if (draw >> 32) < request.fail_rate * 2**32:
            item["fail"] = True
        yield item
