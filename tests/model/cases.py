"""The small cases of which every interleaving is tried: a batch of one or two chunks, and what may happen in it."""

from contextlib import ExitStack
from dataclasses import replace
from typing import NamedTuple
from unittest import mock

from handlers.sqs.finalizer import Finalizer
from tests.model import queues
from tests.model.enumeration import Budget, Enumeration
from tests.model.lambdas import nothing, surroundings
from tests.model.run import Run
from tests.model.world import Scale

# Chunks of one item, one a message and one an invocation; the finalizer's timer may be received at any time.
TWO_CHUNKS = Scale(
    items=2, items_per_chunk=1, chunks_per_invocation=1, check_interval=0, retry_delay=0, receives_counted=2
)
ONE_CHUNK = replace(TWO_CHUNKS, items=1)
SOON = 10


class Case(NamedTuple):
    """`finalizers`, `batchers`: how many of them at a time; of processors there are up to two."""

    scale: Scale
    budget: Budget = Budget()
    finalizers: int = 1
    batchers: int = 1


BY_DEFAULT = {
    "a death anywhere, one chunk": Case(ONE_CHUNK, Budget(deaths=1)),
    "a lost delete": Case(TWO_CHUNKS, Budget(lost_deletes=1), finalizers=2),
    "a cancel, one chunk": Case(ONE_CHUNK, Budget(cancels=1)),
    "a deadline, one chunk": Case(replace(ONE_CHUNK, deadline=SOON), Budget(deadlines=1)),
    "an item that fails, a death, one chunk": Case(replace(ONE_CHUNK, fail_rate=1.0, max_attempts=1), Budget(deaths=1)),
}
BY_NIGHT = {
    "a death anywhere": Case(TWO_CHUNKS, Budget(deaths=1), finalizers=2),
    "a duplicate": Case(TWO_CHUNKS, Budget(duplicates=1)),
    "a cancel": Case(TWO_CHUNKS, Budget(cancels=1)),
    "a deadline": Case(replace(TWO_CHUNKS, deadline=SOON), Budget(deadlines=1)),
    "a cancel and a death, one chunk": Case(ONE_CHUNK, Budget(cancels=1, deaths=1)),
    "a deadline and a death, one chunk": Case(replace(ONE_CHUNK, deadline=SOON), Budget(deadlines=1, deaths=1)),
    "an item that fails twice, a death, one chunk": Case(replace(ONE_CHUNK, fail_rate=1.0), Budget(deaths=1), 2),
    "a duplicate and a death, one chunk": Case(ONE_CHUNK, Budget(duplicates=1, deaths=1)),
    "two segments, two batchers": Case(replace(TWO_CHUNKS, chunks_per_segment=1), batchers=2),
    "two windows, a death": Case(replace(TWO_CHUNKS, chunks_per_window=1), Budget(deaths=1)),
}


def enumerated(case: Case) -> Enumeration:
    """Every interleaving of the case, explored. Raises Violation."""
    scale, budget, finalizers, batchers = case
    most = {queues.BATCHER: batchers, queues.CHUNKS: 2, queues.FINALIZER: finalizers}
    enumeration = Enumeration(scale, budget, most)
    with ExitStack() as stack:
        stack.enter_context(surroundings(scale))
        # The stall watch decides nothing, and what it writes down would make many states of one.
        stack.enter_context(mock.patch.object(Finalizer, "_watch_progress", nothing))
        run = Run(scale)
        run.request("one")
        enumeration.explore(run.world)
    return enumeration
