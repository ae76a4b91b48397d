"""The work on items, the specification's sleep, and a log line that says how much of it there was."""

import json
import time


class Work:
    """What one invocation does of it."""

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
        """The sandbox's meter reads `workMs` as it does in Rollcall's log lines; the bench counts the items."""
        print(json.dumps({"workMs": round(self._seconds * 1000), "items": self._items}))
