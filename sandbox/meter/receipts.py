"""Which batches the messages belong to that pollers hold: a delete names a message by its receipt only."""

import threading
from collections import OrderedDict
from typing import Any

from localstack.aws.api import RequestContext

from sandbox.meter.batch_ids import batch_ids
from sandbox.meter.ledger import Batches

MOST_RECEIPTS = 200_000
"""More than all messages that can be in flight at once; a receipt that is never deleted is forgotten after so many."""


class Receipts:
    """The batches of each message that a poller received and has not yet deleted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batches: OrderedDict[str, Batches] = OrderedDict()

    def batches(self, context: RequestContext) -> Batches:
        """The batches of the messages that a poller's call returned or is about; none for other calls."""
        request: Any = context.service_request or {}
        answer: Any = context.service_response or {}
        if answer.get("Messages"):
            received = {message["ReceiptHandle"]: batch_ids(message["Body"]) for message in answer["Messages"]}
            with self._lock:
                self._batches |= received
                while len(self._batches) > MOST_RECEIPTS:
                    self._batches.popitem(last=False)
            return _together(received.values())
        handles = [entry["ReceiptHandle"] for entry in request.get("Entries") or () if "ReceiptHandle" in entry]
        if not handles and "ReceiptHandle" in request:
            handles = [request["ReceiptHandle"]]
        with self._lock:
            return _together(self._batches.pop(handle, ()) for handle in handles)


def _together(parts: Any) -> Batches:
    return tuple(sorted({batch for part in parts for batch in part}))


RECEIPTS = Receipts()
"""Those of the engine's pollers."""
