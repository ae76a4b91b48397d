"""Mistakes in the code, in handlers or in source.py: a batch that they hold up ends FAILED, with the reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from handlers.aws.errors import TRIES, is_mistake, reason_of
from handlers.aws.sqs import Queue, ReturnMessage
from handlers.aws.telemetry import logger
from handlers.core.clock import Clock
from handlers.core.outcome import error_text
from handlers.core.user_modules import WorkCannotStart
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.records import BatchKey
from handlers.sqs.start import refuse
from handlers.sqs.table import BatchTable
from handlers.sqs.unready import REPORTS


@dataclass
class Mistakes:
    """Counts mistakes, by batch and by the place in the code that met them."""

    table: BatchTable
    finalizer_queue: Queue

    @contextmanager
    def end_the_batch(self, key: BatchKey, place: str, clock: Clock, tries: int = TRIES) -> Iterator[None]:
        """Count a mistake that the block raises and raise it again; the last of `tries` ends the batch instead.

        Errors of services and ReturnMessage pass.
        """
        try:
            yield
        except ReturnMessage:
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            if self.met(key, place, error, clock, tries):
                return
            if isinstance(error, Exception):
                raise
            # An exit would end the whole process, before the message is returned.
            raise RuntimeError(error_text(error)) from error

    def met(self, key: BatchKey, place: str, error: BaseException, clock: Clock, tries: int = TRIES) -> bool:
        """Count an error, if it is a mistake. The last of `tries` ends the batch; returns whether it did."""
        cannot_start = isinstance(error, WorkCannotStart)
        last = REPORTS if cannot_start else tries
        if not is_mistake(error) or self.table.count_mistake(key, place, clock.now()) < last:
            return False
        reason = str(error) if cannot_start else reason_of(error, place, tries)
        logger.exception("a mistake ends the batch", batch_id=key.batch_id, generation=key.generation, reason=reason)
        # The check first: from here on the batch cannot be silent.
        self.finalizer_queue.send(FinalizerMessage(key, check=True).body())
        self.table.fail(key, reason, clock.now())
        refuse(self.table, self.finalizer_queue, key, reason, clock.now())
        return True
