"""The engine's own model of its queues: waits for a message, and makes messages visible on time."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

from localstack.services.lambda_.invocation.internal_sqs_queue import get_fake_sqs_client
from localstack.services.sqs.models import FifoQueue, sqs_stores
from localstack.services.sqs.provider import QueueUpdateWorker
from localstack.services.sqs.queue import InterruptibleQueue
from localstack.utils.aws.arns import parse_arn
from localstack.utils.threads import start_thread

from sandbox.clock import timers
from sandbox.clock.stillness import RUNNING, Run

PERIOD_SECONDS = 0.1


class Arrivals:
    """Waits until the queue `queue_arn` has a message to receive, without an API call and without a gateway thread.

    A long poll through the API would hold a gateway thread. It would also receive a message for a mapping that was
    disabled just before the message came.
    """

    def __init__(self, queue_arn: str) -> None:
        arn = parse_arn(queue_arn)
        self._account, self._region, self._name = arn["account"], arn["region"], arn["resource"]

    def wait(self, stopped: threading.Event, timeout: float) -> bool:
        """True as soon as the mapping should receive; False after `timeout` seconds or when `stopped` is set.

        True also for a queue that does not exist: the receive then fails with AWS's own error.
        """
        return self._wait(stopped, lambda condition, arrived: condition.wait_for(arrived, timeout))

    def wait_for_more(self, stopped: threading.Event, timeout: float, run: Run) -> bool:
        """The same, with seconds of the sandbox's clock; meanwhile `run` does not count as running."""
        what = f"the batching window of {self._name} ends"
        try:
            return self._wait(
                stopped, lambda condition, arrived: timers.wait_for(condition, arrived, timeout, what, run)
            )
        finally:
            RUNNING.add(run)

    def _wait(
        self, stopped: threading.Event, wait_for: Callable[[threading.Condition, Callable[[], Any]], object]
    ) -> bool:
        visible = self._visible()
        if visible is None:
            return True
        with visible.not_empty:
            wait_for(visible.not_empty, lambda: visible.queue or visible.is_shutdown or stopped.is_set())
            if stopped.is_set():
                visible.not_empty.notify()  # a put wakes one waiter only: wake a client's long poll instead
                return False
            return bool(visible.queue) or visible.is_shutdown

    def visible(self) -> bool:
        """Whether the queue has a message to receive."""
        visible = self._visible()
        return visible is not None and bool(visible.queue)

    def wake(self) -> None:
        """Make waiters check their `stopped` now."""
        visible = self._visible()
        if visible is not None:
            with visible.not_empty:
                visible.not_empty.notify_all()

    def _visible(self) -> InterruptibleQueue | None:
        """The visible messages of the queue, or its visible message groups; None if the queue does not exist."""
        queue: Any = sqs_stores[self._account][self._region].queues.get(self._name)
        return queue.message_group_queue if isinstance(queue, FifoQueue) else queue and queue.visible


class PromptQueueUpdateWorker(QueueUpdateWorker):
    """Makes messages visible when their delay or visibility timeout ends; stock does so up to a second later.

    A check of a queue with nothing in flight or delayed costs microseconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stopped = threading.Event()

    def iter_queues(self) -> list[Any]:
        """The queues at this moment, those of events too."""
        return [*queues(), *event_queues()]

    def start(self) -> None:
        """Check every queue each `PERIOD_SECONDS`, until `stop`."""
        with self.mutex:
            if self.thread:
                return
            self._stopped.clear()
            self.thread = start_thread(self._run, name="sqs-queue-update-worker")

    def stop(self) -> None:
        """Check no more."""
        with self.mutex:
            self._stopped.set()
            self.thread = None

    def _run(self, _: object) -> None:
        while not self._stopped.wait(PERIOD_SECONDS):
            self.do_update_all_queues()


def queues() -> list[Any]:
    """The queues at this moment; other threads may create and delete queues while the caller iterates."""
    return [queue for _, _, store in list(sqs_stores.iter_stores()) for queue in list(store.queues.values())]


def event_queues() -> list[Any]:
    """The queues in which LocalStack keeps events of asynchronous invocations; one that is tried again is delayed."""
    return list(get_fake_sqs_client().queue_manager.queues.values())


def waiting_events() -> Iterator[str]:
    """The functions' queues that have an event which is about to be taken out."""
    return (f"event of {queue.name}" for queue in event_queues() if queue.visible.queue)


def due() -> Iterator[timers.Due]:
    """When the next message of each queue becomes visible."""
    events = event_queues()
    for queue in [*queues(), *events]:
        with queue.mutex:
            times = [message.created + message.delay_seconds for message in queue.delayed]
            # In a FIFO queue, stock makes no message visible before those that were received before it.
            inflight = list(queue.inflight)[: 1 if isinstance(queue, FifoQueue) else None]
            if queue not in events:
                times += [message.visibility_deadline for message in inflight if not message.hand]
        if times:
            yield timers.Due(min(times), f"a message of {queue.name} becomes visible")


def follow(_seconds: float) -> None:
    """After a jump of the clock: make what is due visible."""
    PromptQueueUpdateWorker().do_update_all_queues()
