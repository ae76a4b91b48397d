"""Mistakes in the code, in handlers or in source.py: what they keep from getting on ends FAILED, with the reason."""

from collections.abc import Iterator
from contextlib import contextmanager

from handlers.aws.errors import is_mistake
from handlers.aws.partial import HandBack
from handlers.aws.queues import Queue
from handlers.aws.telemetry import logger
from handlers.core.clock import Clock
from handlers.core.outcome import error_text
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.records import BatchKey
from handlers.sqs.refusal import refuse
from handlers.sqs.table import BatchTable

# So many tries of the same message meet the mistake; one may come of an environment that is damaged.
TRIES = 5


class Mistakes:
    """Counts mistakes, by batch and by what was to be done."""

    def __init__(self, table: BatchTable, finalizer_queue: Queue):
        self.table = table
        self.finalizer_queue = finalizer_queue

    @contextmanager
    def end_the_batch(self, key: BatchKey, place: str, clock: Clock) -> Iterator[None]:
        """Count a mistake that the block raises, and raise it; the last try's ends the batch and is raised no more.

        What a service raises, and HandBack, passes.
        """
        try:
            yield
        except HandBack:
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            if self.met(key, place, error, clock):
                return
            if isinstance(error, Exception):
                raise
            # An exit would take the whole process along, and with it the message's early return.
            raise RuntimeError(error_text(error)) from error

    def met(self, key: BatchKey, place: str, error: BaseException, clock: Clock) -> bool:
        """Count a mistake, if it is one; the last try's ends the batch: whether it did."""
        if not is_mistake(error) or self.table.count_mistake(key, place, clock.now()) < TRIES:
            return False
        reason = reason_of(error, place)
        logger.exception("given up", batch_id=key.batch_id, generation=key.generation, reason=reason)
        # The check first: from here on the batch cannot be silent.
        self.finalizer_queue.send(FinalizerMessage(key, check=True).body())
        self.table.fail(key, reason, clock.now())
        refuse(self.table, self.finalizer_queue, key, reason, clock.now())
        return True


def reason_of(error: BaseException, place: str) -> str:
    """Why a batch is given up."""
    return f"a mistake in the code, met {TRIES} times by its {place}: {error_text(error)}"
