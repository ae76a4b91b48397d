"""Gathers what is known of a batch of the SQS architecture: its records, and its stack."""

from dataclasses import dataclass

from handlers.sqs.records import Batch
from handlers.sqs.standstill import TableLook
from handlers.sqs.table import BatchTable
from rollcall.batches.explain.stack import StackFacts, gather_stack, with_errors
from rollcall.target.connection import Connection

# Chunks of each shard that are looked at: a page of DynamoDB's.
LOOKED_AT = 1_000


@dataclass(frozen=True)
class SqsFacts:
    """A batch at a moment. `look` is None once it has ended."""

    batch: Batch
    look: TableLook | None
    stack: StackFacts


def gather(connection: Connection, batch_id: str, generation: int) -> SqsFacts:
    """Read the facts of a batch that has a record."""
    stack = connection.stack("sqs")
    now = round(connection.now().timestamp() * 1000)
    table = BatchTable(connection.client("dynamodb"), stack.outputs["TableName"])
    batch = table.get_batch(batch_id, generation)
    if batch is None:
        raise RuntimeError(f"{batch_id} has no record any more")
    facts = gather_stack(connection, stack, "sqs")
    facts = with_errors(facts, connection, stack, "sqs", batch_id, batch.started_at, now)
    look = None if batch.finished_at else table.look(batch, now, LOOKED_AT)
    return SqsFacts(batch, look, facts)
