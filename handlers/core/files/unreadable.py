"""An input that cannot be read, or only up to some place, and the error that says so."""

from collections.abc import Iterable, Iterator

from handlers.core.batch import InvalidRequest
from handlers.core.json_text import Item


class Unreadable(InvalidRequest):
    """The content of an input cannot be read.

    `found` says what was found and what was expected, `hint` what to do, `where` the line or byte of the input.
    """

    def __init__(self, found: str, hint: str = "", where: str = ""):
        super().__init__(": ".join(filter(None, (where, found))) + (f"; {hint}" if hint else ""))
        self.found = found
        self.hint = hint
        self.where = where

    def at(self, place: str) -> "Unreadable":
        """The same error, with the place of the input, `s3://bucket/key`."""
        return Unreadable(self.found, self.hint, ", ".join(filter(None, (f"input: {place}", self.where))))


# Ends the reason of a batch whose input was read up to some place: a redrive would read no further.
NOT_READ = "what follows was not read"


class ReadableItems:
    """The items up to the place where their source becomes unreadable, if it does: then `reason` says why."""

    def __init__(self, items: Iterable[Item]):
        self._items = items
        self.reason: str | None = None

    def __iter__(self) -> Iterator[Item]:
        try:
            yield from self._items
        except Unreadable as unreadable:
            self.reason = str(unreadable).removesuffix(f"; {NOT_READ}") + f"; {NOT_READ}"


def then_unreadable(items: Iterable[Item], reason: str | None) -> Iterator[Item]:
    """`items`; then, if there is a `reason`, raise Unreadable: their input could not be read to its end."""
    yield from items
    if reason:
        raise Unreadable(reason)
