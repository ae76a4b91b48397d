"""Messages show up again when their delay or visibility timeout ends, not up to a second later."""

import threading

from localstack.services.sqs.models import sqs_stores
from localstack.services.sqs.provider import QueueUpdateWorker
from localstack.utils.threads import start_thread

PERIOD_SECONDS = 0.1


class PromptQueueUpdateWorker(QueueUpdateWorker):
    """Stock LocalStack looks once a second. With nothing in flight or delayed a look costs microseconds."""

    def __init__(self) -> None:
        super().__init__()
        self._stopped = threading.Event()

    def iter_queues(self):
        """The queues as they are now: others come and go while they are looked at."""
        return [queue for _, _, store in list(sqs_stores.iter_stores()) for queue in list(store.queues.values())]

    def start(self) -> None:
        """Look at every queue each `PERIOD_SECONDS`, until `stop`."""
        with self.mutex:
            if self.thread:
                return
            self._stopped.clear()
            self.thread = start_thread(self._run, name="sqs-queue-update-worker")

    def stop(self) -> None:
        """Look no more."""
        with self.mutex:
            self._stopped.set()
            self.thread = None

    def _run(self, _: object) -> None:
        while not self._stopped.wait(PERIOD_SECONDS):
            self.do_update_all_queues()
