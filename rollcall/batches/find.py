"""The batches of both architectures, by name or by batch."""

import time

from bootstrap.problem import Problem
from handlers.core.batch import BATCH_ID, BATCH_ID_WORDS
from rollcall.batches.batch import Batches, OneBatch
from rollcall.target.connection import Connection

RECENT_IDS = 5
POLL_SECONDS = 0.5


def batches_of(connection: Connection, architecture: str) -> Batches:
    """The batches of one architecture. Raises Problem if its stack is not deployed."""
    from rollcall.batches.sfn import SfnBatches
    from rollcall.batches.sqs import SqsBatches

    return SqsBatches(connection) if architecture == "sqs" else SfnBatches(connection)


def deployed(connection: Connection) -> list[Batches]:
    """The batches of every architecture that is deployed; raises Problem if none is."""
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
    """A batch of either architecture; without a generation the latest.

    One that was just started may take up to `patience` seconds to show. Raises Problem if it is nowhere, naming recent
    ones, or if both architectures have one of that id.
    """
    if not BATCH_ID.fullmatch(batch_id):
        raise Problem(f"{batch_id!r} is no batch's id: that has {BATCH_ID_WORDS}")
    places = [batches_of(connection, architecture)] if architecture else deployed(connection)
    give_up = time.monotonic() + patience
    while not (found := [(batches, latest) for batches in places if (latest := batches.latest_generation(batch_id))]):
        if time.monotonic() >= give_up:
            recent = [result.batch_id for batches in places for result in batches.recent(RECENT_IDS)]
            hint = f"recent batches: {', '.join(recent)}" if recent else "none has run yet: `rollcall run sqs`"
            raise Problem(f"there is no batch {batch_id!r} at {connection.place}", hint)
        time.sleep(POLL_SECONDS)
    if len(found) > 1:
        raise Problem(f"both architectures have a batch {batch_id!r}", "say --architecture sqs or --architecture sfn")
    [(batches, latest)] = found
    if generation and generation > latest:
        raise Problem(f"batch {batch_id!r} has no generation {generation}: its latest is {latest}")
    return OneBatch(batches, batch_id, generation or latest)
