"""SQS event source mappings as on AWS: several batches at once, up to the mapping's limit.

Stock LocalStack 4.14.0 runs one batch at a time, accepts `MaximumConcurrency` and ignores it, and polls an empty queue
every 1 to 10 seconds. It keeps messages for ever unless it is told to mind their retention period.
"""

from typing import Any

from localstack import config
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmWorker
from localstack.services.lambda_.event_source_mapping.esm_worker_factory import EsmWorkerFactory
from localstack.services.sqs import provider as sqs
from localstack.utils.patch import patch

from sandbox.clock.clock import CLOCK
from sandbox.clock.stillness import RUNNING
from sandbox.pollers import hands, queues
from sandbox.pollers.mapping import QueueMapping
from sandbox.pollers.worker import QueueWorker, workers


def install() -> None:
    """Let every SQS event source mapping of this engine run its batches concurrently, and queues follow the clock."""
    sqs.QueueUpdateWorker = queues.PromptQueueUpdateWorker  # type: ignore[misc]
    config.SQS_ENABLE_MESSAGE_RETENTION_PERIOD = True
    hands.install()
    RUNNING.pending.append(lambda: (worker.batch for worker in workers() if worker.has_work()))
    RUNNING.pending.append(queues.waiting_events)
    CLOCK.sources.append(queues.due)
    CLOCK.followers.append(queues.follow)

    @patch(EsmWorkerFactory.get_esm_worker)
    def get_esm_worker(stock: Any, self: EsmWorkerFactory) -> EsmWorker:
        if ":sqs:" not in (self.esm_config.get("EventSourceArn") or ""):
            return stock(self)
        # An update's: stock keeps it, and warns of it with each answer.
        self.esm_config.pop("Enabled", None)  # type: ignore[typeddict-item]
        return QueueWorker(self.esm_config, QueueMapping(self.esm_config, self.function_role_arn), self.enabled)
