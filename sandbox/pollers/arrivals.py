"""Waiting for a message without asking for it: an idle mapping costs no API call and no gateway thread."""

import threading

from localstack.services.sqs.models import FifoQueue, StandardQueue, sqs_stores
from localstack.services.sqs.queue import InterruptibleQueue
from localstack.utils.aws.arns import parse_arn


class Arrivals:
    """Tells when the queue `queue_arn` has something to receive. Looks into the engine's own model of the queue.

    A long poll through the API would hold a gateway thread, and a message that arrives just after its mapping was
    disabled would still be handed to it.
    """

    def __init__(self, queue_arn: str) -> None:
        arn = parse_arn(queue_arn)
        self._account, self._region, self._name = arn["account"], arn["region"], arn["resource"]

    def wait(self, stopped: threading.Event, timeout: float) -> bool:
        """True as soon as a receive makes sense; False after `timeout` seconds or when `stopped` is set.

        A queue that does not exist makes sense too: the receive then fails with AWS's own error.
        """
        queue = self._queue()
        if queue is None:
            return True
        visible = _visible(queue)
        with visible.not_empty:
            visible.not_empty.wait_for(lambda: visible.queue or visible.is_shutdown or stopped.is_set(), timeout)
            if stopped.is_set():
                visible.not_empty.notify()  # a put wakes one waiter only: pass it on to whoever long-polls the queue
                return False
            return bool(visible.queue) or visible.is_shutdown

    def wake(self) -> None:
        """Let waiters look at their `stopped` now."""
        if queue := self._queue():
            visible = _visible(queue)
            with visible.not_empty:
                visible.not_empty.notify_all()

    def _queue(self) -> FifoQueue | StandardQueue | None:
        return sqs_stores[self._account][self._region].queues.get(self._name)


def _visible(queue: FifoQueue | StandardQueue) -> InterruptibleQueue:
    return queue.message_group_queue if isinstance(queue, FifoQueue) else queue.visible
