"""Finds batches of both architectures."""

import time

from bootstrap.problem import Problem
from handlers.core.batch import BATCH_ID, BATCH_ID_WORDS
from rollcall.batches.batch import OneBatch
from rollcall.batches.sight import SeenBatches
from rollcall.target.connection import Connection

RECENT_IDS = 5
POLL_SECONDS = 0.5


def batches_of(connection: Connection, architecture: str) -> SeenBatches:
    """The batches of one architecture. Raises Problem if its stack is not deployed."""
    from rollcall.batches.sfn import SfnBatches
    from rollcall.batches.sqs import SqsBatches

    return SqsBatches(connection) if architecture == "sqs" else SfnBatches(connection)


def deployed(connection: Connection) -> list[SeenBatches]:
    """The batches of every deployed architecture. Raises Problem if none is deployed."""
    if not connection.stacks:
        connection.stack("sqs")
    return [batches_of(connection, architecture) for architecture in connection.stacks]


def find(
    connection: Connection,
    batch_id: str,
    architecture: str | None = None,
    generation: int | None = None,
    patience: float = 0,
) -> OneBatch:
    """Find a batch of either architecture, in its latest generation by default.

    It polls for `patience` seconds: a new batch has no record yet. Raises Problem if there is no such batch, with
    the ids of recent ones, or if both architectures have one of this id.
    """
    if not BATCH_ID.fullmatch(batch_id):
        raise Problem(f"{batch_id!r} is no batch's id: an id has {BATCH_ID_WORDS}")
    candidates = [batches_of(connection, architecture)] if architecture else deployed(connection)
    deadline = time.monotonic() + patience
    while not (
        found := [(batches, latest) for batches in candidates if (latest := batches.latest_generation(batch_id))]
    ):
        if time.monotonic() >= deadline:
            recent = [result.batch_id for batches in candidates for result in batches.recent(RECENT_IDS)]
            hint = f"recent batches: {', '.join(recent)}" if recent else "no batch has run yet: `rollcall run sqs`"
            raise Problem(f"there is no batch {batch_id!r} at {connection.place}", hint)
        time.sleep(POLL_SECONDS)
    if len(found) > 1:
        raise Problem(f"both architectures have a batch {batch_id!r}", "say --architecture sqs or --architecture sfn")
    [(batches, latest)] = found
    if generation and generation > latest:
        raise Problem(f"batch {batch_id!r} has no generation {generation}: its latest is {latest}")
    return OneBatch(batches, batch_id, generation or latest)
