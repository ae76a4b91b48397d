"""SQS event source mappings as on AWS: several batches at once, up to the mapping's limit.

Stock LocalStack 4.14.0 runs one batch at a time, accepts `MaximumConcurrency` and ignores it, and looks at an empty
queue every 1 to 10 seconds.
"""

from localstack.services.lambda_.event_source_mapping.esm_worker import EsmWorker
from localstack.services.lambda_.event_source_mapping.esm_worker_factory import EsmWorkerFactory
from localstack.services.sqs import provider as sqs

from sandbox.pollers.source import QueueSource
from sandbox.pollers.visibility import PromptQueueUpdateWorker
from sandbox.pollers.worker import QueueWorker

_stock_get_esm_worker = EsmWorkerFactory.get_esm_worker


def _get_esm_worker(self: EsmWorkerFactory) -> EsmWorker:
    if ":sqs:" not in (self.esm_config.get("EventSourceArn") or ""):
        return _stock_get_esm_worker(self)
    return QueueWorker(self.esm_config, QueueSource(self.esm_config, self.function_role_arn), self.enabled)


def install() -> None:
    """From now on every SQS event source mapping of this engine runs its batches concurrently."""
    EsmWorkerFactory.get_esm_worker = _get_esm_worker  # type: ignore[method-assign]
    sqs.QueueUpdateWorker = PromptQueueUpdateWorker  # type: ignore[misc]
