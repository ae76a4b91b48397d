"""Which failed items a redrive runs. The others are kept: they pass through the new generation, and stay failed."""

from handlers.core.error_kinds import ErrorPattern
from handlers.core.json_text import Item
from handlers.core.rejected import ERROR_KEY, KEPT_KEY, is_kept, kept


class Selection:
    """The failed items that `only_error` selects, or all of them without it."""

    def __init__(self, only_error: str | None):
        self._pattern = ErrorPattern(only_error) if only_error else None

    def failed(self, item: Item, error: str) -> Item:
        """A failed item, or what takes its place if it is to be kept. A rejection fails again by itself."""
        if self._pattern is None or ERROR_KEY in item or self._pattern.selects(error, str(item["id"])):
            return item
        return kept(item, error)

    def left(self, item: Item) -> Item:
        """An item that was left over: one that the generation before has kept is a failed item."""
        return self.failed(item[KEPT_KEY], item[ERROR_KEY]) if is_kept(item) else item
