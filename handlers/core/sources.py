"""The source of a batch's items, in either of the forms that a work folder's `source.py` may have."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from handlers.core.batch import BatchRequest, InvalidRequest
from handlers.core.json_text import Item
from handlers.core.rejected import rejected

# What the full form takes. The short one takes the request only.
FULL = ("request", "batch_id", "first", "last", "skip")


@dataclass(frozen=True)
class Extent:
    """The size of a batch's source, which the batcher cuts into segments.

    `length`: the number of random items, or the bytes of JSON Lines; None if the source can only be read as a whole.
    `items`: the number of items, or an estimate if only reading would tell; 0 if there is no estimate.
    """

    length: int | None
    items: int

    def expected(self, request: BatchRequest) -> int | None:
        """The number of items, if it is known: a file's is estimated from its bytes."""
        return self.items if self.items == self.length and not request.input else None


@dataclass(frozen=True)
class Source:
    """Gives the extent of a batch's source, and the items of any part of it. See `survey` and `items` of source.py."""

    survey: Callable[[BatchRequest], tuple[BatchRequest, Extent]]
    items: Callable[[BatchRequest, str, int, int | None, int], Iterator[Item]]


class BadSource(InvalidRequest):
    """A `source.py` cannot be used. The message names the function, what it is or gave, and what is expected."""


def source_of(module: Any, inputs: Source) -> Source:
    """The source that the module `source` is. Without a `survey` of its own, `inputs` reads a request's `input`.

    Raises BadSource.
    """
    items, survey = getattr(module, "items", None), getattr(module, "survey", None)
    if not callable(items):
        raise BadSource("source.py has no function items(request), which yields a batch's items")
    in_parts = takes_parts(items)

    def own_survey(request: BatchRequest) -> tuple[BatchRequest, Extent]:
        if request.input:
            return inputs.survey(request)
        # Items that come although they were not counted must not be lost: only who takes parts is asked for parts.
        count = counted(module, request)
        return request, Extent(count if in_parts else None, count or 0)

    def own_items(request: BatchRequest, batch_id: str, first: int, last: int | None, skip: int) -> Iterator[Item]:
        if request.input and not survey:
            return inputs.items(request, batch_id, first, last, skip)
        request = replace(request, batch_id=batch_id)
        if in_parts:
            return valid(items(request, batch_id, first, last, skip), first + skip)
        return valid(islice(iterable(items(request)), first + skip, last), first + skip)

    return Source(survey or own_survey, own_items)


def takes_parts(items: Callable[..., Any]) -> bool:
    """Whether `items` has the full form, or else the short one. Raises BadSource."""
    if inspect.iscoroutinefunction(items) or inspect.isasyncgenfunction(items):
        raise BadSource("source.py: items is an async def, and must be a plain function")
    signature = inspect.signature(items)
    for count in (len(FULL), 1):
        try:
            signature.bind(*FULL[:count])
        except TypeError:
            continue
        return count > 1
    raise BadSource(f"source.py: items{signature} must be items(request) or items({', '.join(FULL)})")


def counted(module: Any, request: BatchRequest) -> int | None:
    """The number of items that `count(request)` tells; None if the module has no such function. Raises BadSource."""
    count = getattr(module, "count", None)
    if count is None:
        return None
    number = count(request)
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise BadSource(f"source.py: count(request) returned {number!r:.100}, and must return a whole number")
    return number


def iterable(given: Any) -> Any:
    """What `items` returned, if it can be read item by item. Raises BadSource."""
    if hasattr(given, "__iter__"):
        return given
    if inspect.iscoroutine(given):
        given.close()
    raise BadSource(f"source.py: items returned {given!r:.100}, and must yield the items, or return a list of them")


def valid(given: Any, index: int) -> Iterator[Item]:
    """The items, of which `index` is the number of the first. What is no dict becomes a rejection."""
    for number, item in enumerate(iterable(given), index):
        if isinstance(item, dict):
            yield item
        else:
            name = type(item).__name__
            yield rejected(f"item-{number}", f"source.py gave {item!r:.60}, a {name}: an item is a dict with an id")
