"""What looking costs: the calls of the console's own clients to AWS, priced."""

import threading
import time
from collections import Counter
from typing import Any

from costs.facts.prices import PriceBook

# A call's price, by its service; calls that list S3's objects cost as much as those that write. What is not here is
# free. A read of DynamoDB counts as at least one unit: so this is the least that they cost.
PRICES = {
    "dynamodb": "dynamodb.read_units",
    "sqs": "sqs.requests",
    "s3": "s3.gets",
    "cloudwatch": "cloudwatch.requests",
}
LISTINGS = {"ListObjectsV2", "ListParts"}


class Spending:
    """Counts the calls that clients of a boto3 session make from now on. Clients made before are not counted."""

    def __init__(self, session: Any) -> None:
        self._began = time.monotonic()
        self._calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        session.events.register("before-call", self._count)

    def _count(self, model: Any, **_: Any) -> None:
        service: str = model.service_model.service_name
        price = "s3.puts" if model.name in LISTINGS else PRICES.get(service, "")
        with self._lock:
            self._calls[price] += 1

    @property
    def calls(self) -> int:
        """The calls so far."""
        return self._calls.total()

    def an_hour(self, book: PriceBook) -> float:
        """The dollars of an hour of looking, as it went so far."""
        with self._lock:
            calls = dict(self._calls)
        spent = sum(book.dollars(price, number) for price, number in calls.items() if price)
        return spent * 3600 / max(60.0, time.monotonic() - self._began)
