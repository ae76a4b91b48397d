"""Keeps events of asynchronous invocations while their function is updated, and counts them as running.

Stock 4.14.0 stops the old version's poller: an event that it has just taken out, or that waits for one of its threads,
is heard of no more until its visibility timeout, a minute more than the function's own.
"""

from contextlib import suppress
from typing import Any

from localstack.services.lambda_.invocation.event_manager import Poller
from localstack.services.lambda_.invocation.internal_sqs_queue import get_fake_sqs_client
from localstack.utils.patch import patch

from sandbox.clock.stillness import RUNNING, Run

POLL_SECONDS = 2

NEVER_SECONDS = 100 * 366 * 86_400
"""An event that is taken out comes back only if it is put back, however long it waits for a thread, wherever the clock
jumps."""


@patch(Poller.run)
def run(_stock: Any, self: Poller, *_: Any) -> None:
    """Hand the queue's events to the function, until it is updated or deleted."""
    client: Any = get_fake_sqs_client()
    while not self._shutdown_event.is_set():
        try:
            answer = client.receive_message(
                QueueUrl=self.event_queue_url,
                WaitTimeSeconds=POLL_SECONDS,
                MaxNumberOfMessages=10,
                VisibilityTimeout=NEVER_SECONDS,
            )
        except ValueError:  # the queue is deleted with its function
            return
        for message in answer["Messages"] or ():
            run = Run(f"event of {self.event_queue_url}")
            RUNNING.add(run)  # before a thread of the pool wakes up for it
            try:
                self.invoker_pool.submit(_handle, self, message, run)
            except RuntimeError:  # stopped since: the next version's poller takes the event
                _put_back(client, self.event_queue_url, message)
                RUNNING.remove(run)


def _handle(poller: Poller, message: Any, run: Run) -> None:
    """Invoke the function, and see to what follows: another try, a destination."""
    try:
        poller.handle_message(message)
    finally:
        RUNNING.remove(run)


def _put_back(client: Any, queue_url: str, message: Any) -> None:
    with suppress(ValueError):  # the queue is deleted with its function
        client.queue_manager.get_queue(queue_url).update_visibility_timeout(message["ReceiptHandle"], 0)


@patch(Poller.stop)
def stop(_stock: Any, self: Poller) -> None:
    """Take no more events. Those taken are handled: an invocation of a replaced version is tried again."""
    self._shutdown_event.set()
    self.invoker_pool.shutdown(wait=False)
