"""Faults of messages, in the engine's own model of standard queues; FIFO queues promise what these break.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
"""

import time
from typing import Any

from localstack.services.sqs.models import SqsMessage, StandardQueue

from sandbox.faults.active import FAULTS, ActivePlan
from sandbox.faults.plan import Call

_stock_put = StandardQueue.put
_stock_remove = StandardQueue.remove


def install() -> None:
    """Let every message that is sent or deleted pass the plan in force."""
    StandardQueue.put = _put  # type: ignore[method-assign]
    StandardQueue.remove = _remove  # type: ignore[method-assign,assignment]


def _put(self: StandardQueue, *arguments: Any, **options: Any) -> SqsMessage:
    active = FAULTS.active
    if active is None or not (hit := active.meet(Call(queue=self.name), "late-message")):
        return _stock_put(self, *arguments, **options)
    own = options.get("delay_seconds")
    options["delay_seconds"] = (self.delay_seconds if own is None else own) + hit.settings["seconds"]
    with self.mutex:  # the engine walks the delayed messages meanwhile
        return _stock_put(self, *arguments, **options)


def _remove(self: StandardQueue, receipt_handle: str) -> None:
    active = FAULTS.active
    message = self.receipts.get(receipt_handle) if active else None
    if active is None or message is None:
        _stock_remove(self, receipt_handle)
    elif not active.meet(Call(queue=self.name), "lost-delete"):
        _stock_remove(self, receipt_handle)
        _come_again(self, message, active)


class _Copy(SqsMessage):
    """Delivered a second time; when it is deleted, there is no third."""


def _come_again(queue: StandardQueue, message: SqsMessage, active: ActivePlan) -> None:
    """Put a copy in the place of the message that was deleted: same id, same count of receives."""
    hit = None if isinstance(message, _Copy) else active.meet(Call(queue=queue.name), "duplicate-message")
    if hit is None:
        return
    group: Any = message.message_group_id
    copy = _Copy(time.time(), message.message, message_group_id=group)
    copy.receive_count, copy.first_received = message.receive_count, message.first_received
    copy.visibility_timeout, copy.delay_seconds = queue.visibility_timeout, hit.settings["delay_seconds"]
    with queue.mutex:
        queue.delayed.add(copy)
