"""The batches of both architectures, by name or by batch."""

import time

from handlers.batch import BATCH_ID
from rollcall.batches import Batches
from rollcall.connection import Connection
from rollcall.errors import Problem
from rollcall.sfn import SfnBatches
from rollcall.sqs import SqsBatches

BATCHES: dict[str, type[SqsBatches] | type[SfnBatches]] = {"sqs": SqsBatches, "sfn": SfnBatches}
RECENT_IDS = 5
POLL_SECONDS = 0.5


def batches_of(connection: Connection, architecture: str) -> Batches:
    """The batches of one architecture. Raises Problem if its stack is not deployed."""
    return BATCHES[architecture](connection)


def deployed(connection: Connection) -> list[Batches]:
    """The batches of every architecture that is deployed; raises Problem if none is."""
    if not connection.stacks:
        connection.stack("sqs")
    return [batches_of(connection, architecture) for architecture in connection.stacks]


def find(connection: Connection, batch_id: str, patience: float = 0) -> Batches:
    """The batches among which `batch_id` is; one that was just started may take up to `patience` seconds to show.

    Raises Problem with recent ids if it is nowhere.
    """
    if not BATCH_ID.fullmatch(batch_id):
        raise Problem(f"{batch_id!r} is no batch's id: that has 1 to 80 letters, digits, dots, hyphens or underscores")
    everywhere = deployed(connection)
    give_up = time.monotonic() + patience
    while True:
        for batches in everywhere:
            if batches.exists(batch_id):
                return batches
        if time.monotonic() >= give_up:
            break
        time.sleep(POLL_SECONDS)
    recent = [result.batch_id for batches in everywhere for result in batches.recent(RECENT_IDS)]
    hint = f"recent batches: {', '.join(recent)}" if recent else "none has run yet: `rollcall run sqs`"
    raise Problem(f"there is no batch {batch_id!r} at {connection.place}", hint)
