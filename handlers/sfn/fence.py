"""Keeps work from a batch whose execution has ended early: EXPRESS children go on, with all chunks that they have.

And somebody may redrive the execution in Step Functions itself, which runs children again, with the input that they
had. https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html
"""

from handlers.aws import Client
from handlers.core.clock import Clock
from handlers.sfn.store import BatchObjects

# A look that found the batch open holds for so long. A batch that ends with work left is announced later than this
# after it is stopped: the finalizer waits for the functions of a Map Run, for 12 s and their timeout from its end, and
# their looks come within 10 s, the longest init.
OPEN_MS = 5_000


class BatchEnded(Exception):
    """The batch has ended, or is to end: nothing of it may be processed any more."""


class Fence:
    """Tells whether a batch is stopped. `client` is an S3 client. It remembers the last batch that was open."""

    def __init__(self, client: Client, bucket: str):
        self._client, self._bucket = client, bucket
        self._open, self._until = ("", 0), 0

    def pass_open(self, batch_id: str, generation: int, clock: Clock) -> None:
        """Return if the batch is not stopped. Raises BatchEnded."""
        if self._open == (batch_id, generation) and clock.now() < self._until:
            return
        looked_at = clock.now()
        if BatchObjects(self._client, self._bucket, batch_id, generation).is_stopped():
            raise BatchEnded(f"{batch_id}, generation {generation}: use `rollcall redrive` for what is left of it")
        self._open, self._until = (batch_id, generation), looked_at + OPEN_MS
