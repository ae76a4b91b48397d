"""The processing of items, which is the specification's sleep, and a log line with its duration."""

import json
import time


class Work:
    """The items that one invocation processes."""

    def __init__(self):
        self._items = 0
        self._seconds = 0.0

    def do(self, item):
        """Sleep for the item's `value` in milliseconds."""
        began = time.monotonic()
        time.sleep(item["value"] / 1000)
        self._seconds += time.monotonic() - began
        self._items += 1

    def tell(self):
        """Log time and items. The meter reads `workMs` as in Rollcall's log lines; the bench counts the items."""
        print(json.dumps({"workMs": round(self._seconds * 1000), "items": self._items}))
