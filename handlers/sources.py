"""The source of this stack's batches: the work folder's `source.py`, else the example's (handlers/source.py)."""

import functools
from collections.abc import Iterator

from handlers import source
from handlers.aws import work_environment
from handlers.core.batch import BatchRequest
from handlers.core.json_text import Item
from handlers.core.sources import Extent, Source, source_of
from handlers.core.user_modules import is_there, load


@functools.cache
def loaded() -> Source:
    """Import the source, once per environment. Raises BadSource, and WorkCannotStart.

    Not when a handler is imported: a mistake in your code must end its batch with the reason, and not the function.
    """
    example = Source(source.survey, source.items)
    if not is_there("source"):
        return example
    work_environment.prepare()
    return source_of(load("source"), example)


def survey(request: BatchRequest) -> tuple[BatchRequest, Extent]:
    """Survey the source as a batch starts: see source.survey."""
    return loaded().survey(request)


def items(
    request: BatchRequest, batch_id: str, first: int = 0, last: int | None = None, skip: int = 0
) -> Iterator[Item]:
    """Yield the items of the extent's part [first, last) but the first `skip`: see source.items."""
    return loaded().items(request, batch_id, first, last, skip)
