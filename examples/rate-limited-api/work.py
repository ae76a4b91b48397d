"""Looks up the price of each item in an HTTP API, which allows so many requests a second and wants a key."""

import json
import os
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

from pace import Pace

from handlers import Permanent

TIMEOUT_SECONDS = 10
# The longest that the API may ask to wait here; longer, and the item is tried again later.
LONGEST_WAIT = 5.0
# Of all processes together: each has its share, since at most MaxConcurrency run.
pace = Pace(float(os.environ["REQUESTS_PER_SECOND"]) / int(os.environ["PROCESSES"]))


def process(item: dict[str, Any]) -> dict[str, Any]:
    """Return the item's price. Raises Permanent for an item that the API does not know, and for a wrong key."""
    for _ in range(3):
        pace.wait()
        try:
            return price_of(item["id"])
        except urllib.error.HTTPError as error:
            if error.code == 429 and (wait := float(error.headers.get("Retry-After", "1"))) <= LONGEST_WAIT:
                time.sleep(wait)
                continue
            if 400 <= error.code < 500 and error.code != 429:
                raise Permanent(f"the API answers {error.code} {error.reason}") from error
            # Rollcall tries the item again, after RetryDelaySeconds.
            raise
    raise TimeoutError("the API has too many requests")


def price_of(item_id: str) -> dict[str, Any]:
    """Ask the API."""
    request = urllib.request.Request(
        f"{os.environ['API_URL']}/{quote(item_id, safe='')}",
        headers={"Authorization": f"Bearer {os.environ['API_KEY']}"},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        price: dict[str, Any] = json.load(answer)
        return price
