"""Finds the batches of a JSON text or of a message, by the `batchId` fields in it."""

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from localstack.aws.api import RequestContext

from sandbox.meter.ledger import Batches

MAX_RECEIPTS = 200_000
"""More than all messages that can be in flight at once; the oldest receipts beyond it are forgotten."""

_FIELD = b"batchId"
# In JSON, in JSON that is a string within JSON (backslashes before the quotes), and in DynamoDB's {"S": "..."}.
_VALUE = re.compile(rb'batchId\\*"\s*:\s*(?:\{\s*\\*"S\\*"\s*:\s*)?\\*"([A-Za-z0-9._-]{1,80})\\*"')


def batch_ids(content: bytes | str, first_only: bool = False) -> Batches:
    """The distinct values of `batchId`, sorted; empty without such a field. 1 MB takes less than 0.1 ms.

    With `first_only` the first value only.
    """
    data = content.encode() if isinstance(content, str) else content
    found: set[str] = set()
    place = data.find(_FIELD)
    while place >= 0:
        # find() before the regular expression: it searches megabytes of items a hundred times as fast.
        if value := _VALUE.match(data, place):
            found.add(value[1].decode())
            if first_only:
                break
        place = data.find(_FIELD, place + len(_FIELD))
    return tuple(sorted(found))


class Receipts:
    """The batches of each message that a poller has received and not deleted: a delete has only the receipt handle."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batches: OrderedDict[str, Batches] = OrderedDict()

    def batches(self, context: RequestContext) -> Batches:
        """The batches of the messages that a poller's call receives or deletes; none for other calls."""
        request: Any = context.service_request or {}
        answer: Any = context.service_response or {}
        if answer.get("Messages"):
            received = {message["ReceiptHandle"]: batch_ids(message["Body"]) for message in answer["Messages"]}
            with self._lock:
                self._batches |= received
                while len(self._batches) > MAX_RECEIPTS:
                    self._batches.popitem(last=False)
            return _union(received.values())
        handles = [entry["ReceiptHandle"] for entry in request.get("Entries") or () if "ReceiptHandle" in entry]
        if not handles and "ReceiptHandle" in request:
            handles = [request["ReceiptHandle"]]
        with self._lock:
            return _union(self._batches.pop(handle, ()) for handle in handles)


def _union(parts: Iterable[Batches]) -> Batches:
    return tuple(sorted({batch for part in parts for batch in part}))


RECEIPTS = Receipts()
"""The receipts of the engine's pollers."""
