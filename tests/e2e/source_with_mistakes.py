"""In the place of handlers/source.py: mistakes of batches whose id says so, each a different one of its callers."""

from handlers.source_itself import *  # noqa: F403 - takes the module's place, whatever others want of it

from handlers import source_itself


def survey(request):
    """Survey, or a mistake."""
    if "mistaken-survey" in (request.batch_id or ""):
        raise AssertionError("the survey is mistaken")
    return source_itself.survey(request)


def items(request, batch_id, first=0, last=None, skip=0):
    """Items, or a mistake in the middle of them."""
    for number, item in enumerate(source_itself.items(request, batch_id, first, last, skip)):
        if number == 5 and "mistaken-items" in batch_id:
            raise KeyError("no such item")
        yield item
