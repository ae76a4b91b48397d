"""An input that cannot be read, or not beyond some place, in words that help. Pure."""

from collections.abc import Iterable, Iterator

from handlers.core.batch import InvalidRequest


class Unreadable(InvalidRequest):
    """The content of an input is not what it should be.

    `said` tells what was found and what was expected, `hint` what to do now, `where` the line or byte in the input.
    """

    def __init__(self, said: str, hint: str = "", where: str = ""):
        super().__init__(": ".join(filter(None, (where, said))) + (f"; {hint}" if hint else ""))
        self.said = said
        self.hint = hint
        self.where = where

    def of(self, place: str) -> "Unreadable":
        """The same, told of the input at `place`."""
        return Unreadable(self.said, self.hint, ", ".join(filter(None, (f"input: {place}", self.where))))


# Ends the reason of a batch whose input was read up to there: a redrive would read no further.
NOT_READ = "what follows was not read"


class UpToBreak:
    """Items up to where their source cannot be read any further, if it comes to that: `reason` then says why."""

    def __init__(self, items: Iterable[dict]):
        self._items = items
        self.reason: str | None = None

    def __iter__(self) -> Iterator[dict]:
        try:
            yield from self._items
        except Unreadable as broken:
            self.reason = str(broken).removesuffix(f"; {NOT_READ}") + f"; {NOT_READ}"


def broken_off(items: Iterable[dict], reason: str | None) -> Iterator[dict]:
    """`items`; then, for a `reason`, raise Unreadable: they are of an input that could not be read to its end."""
    yield from items
    if reason:
        raise Unreadable(reason)
