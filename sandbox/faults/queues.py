"""Faults of queues: of messages, and of the event source mappings that receive them.

A message's faults happen in the engine's own model of standard queues. FIFO queues promise that they do not happen.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
"""

import time
from typing import Any

from localstack.services.lambda_.event_source_mapping.esm_worker import EsmState
from localstack.services.sqs.models import SqsMessage, StandardQueue
from localstack.utils.aws.arns import parse_arn
from localstack.utils.patch import patch

from sandbox.clock import timers
from sandbox.faults.active import FAULTS, ActivePlan
from sandbox.faults.plan import Call
from sandbox.pollers.worker import workers


def install() -> None:
    """Apply the plan in force to every message that is sent or deleted."""

    @patch(StandardQueue.put)
    def put(stock: Any, self: StandardQueue, *arguments: Any, **options: Any) -> SqsMessage:
        active = FAULTS.active
        if active is None or not (hit := active.meet(Call(queue=self.name), "late-message")):
            return stock(self, *arguments, **options)
        own = options.get("delay_seconds")
        options["delay_seconds"] = (self.delay_seconds if own is None else own) + hit.settings["seconds"]
        with self.mutex:  # another thread iterates over the delayed messages
            return stock(self, *arguments, **options)

    @patch(StandardQueue.remove)
    def remove(stock: Any, self: StandardQueue, receipt_handle: str) -> None:
        active = FAULTS.active
        message = self.receipts.get(receipt_handle) if active else None
        if active is None or message is None:
            stock(self, receipt_handle)
        elif not active.meet(Call(queue=self.name), "lost-delete"):
            stock(self, receipt_handle)
            _redeliver(self, message, active)


class _Copy(SqsMessage):
    """A message that is delivered a second time; after its delete there is no third."""


def _redeliver(queue: StandardQueue, message: SqsMessage, active: ActivePlan) -> None:
    """Put a copy in the place of the deleted message, with the same id and count of receives, if the plan says so."""
    hit = None if isinstance(message, _Copy) else active.meet(Call(queue=queue.name), "duplicate-message")
    if hit is None:
        return
    group: Any = message.message_group_id
    copy = _Copy(time.time(), message.message, message_group_id=group)
    copy.receive_count, copy.first_received = message.receive_count, message.first_received
    copy.visibility_timeout, copy.delay_seconds = queue.visibility_timeout, hit.settings["delay_seconds"]
    with queue.mutex:
        queue.delayed.add(copy)


def begin_restarts(active: ActivePlan) -> None:
    """For each `restart-pollers` of the plan, start a thread that restarts mappings at an interval until its end."""
    for number, fault in enumerate(active.plan.faults):
        if fault.kind == "restart-pollers":
            timers.Thread(target=_restart, args=(active, number), name="restart-pollers", daemon=True).start()


def _restart(active: ActivePlan, number: int) -> None:
    while not active.spent(number) and not active.ended.wait(active.plan.faults[number].settings["every"]):
        for worker in workers():
            queue = parse_arn(worker.queue_arn)["resource"]
            if worker.current_state == EsmState.ENABLED and active.meet_some(Call(queue=queue), [number]):
                worker.restart()
