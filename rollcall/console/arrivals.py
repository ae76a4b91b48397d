"""The Batch Finished events of a stack, as they arrive: the completion lag is known of batches that end meanwhile."""

import json
import threading
from contextlib import ExitStack, suppress

from rollcall.batches.sight import Key
from rollcall.batches.subscription import every_batch, listening
from rollcall.console.history import History
from rollcall.target.connection import Connection
from rollcall.terminal.errors import EXPECTED

WAIT_SECONDS = 1
TRY_AGAIN_SECONDS = 10.0


class Arrivals:
    """Listens on the event buses of a sandbox's stacks, through a temporary queue, until `stop`."""

    def __init__(self, connection: Connection, history: History) -> None:
        self._connection = connection
        self._history = history
        self._stop = threading.Event()

    def listen(self) -> None:
        """Record every arrival. If the engine does not answer, try again later."""
        while not self._stop.is_set():
            with suppress(*EXPECTED), ExitStack() as until_end:
                buses = {stack.outputs["EventBusName"] for stack in self._connection.stacks.values()}
                queues = [until_end.enter_context(listening(self._connection, bus, every_batch())) for bus in buses]
                while not self._stop.is_set():
                    for queue in queues:
                        self._receive(queue.url)
            self._stop.wait(TRY_AGAIN_SECONDS)

    def _receive(self, queue_url: str) -> None:
        sqs = self._connection.client("sqs")
        answer = sqs.receive_message(
            QueueUrl=queue_url,
            WaitTimeSeconds=WAIT_SECONDS,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        for message in answer.get("Messages", []):
            detail = json.loads(message["Body"])["detail"]
            key = Key(detail["architecture"], detail["batchId"], detail["generation"])
            self._history.arrived(key, int(message["Attributes"]["SentTimestamp"]))
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])

    def stop(self) -> None:
        """End `listen`, which deletes its queue."""
        self._stop.set()
