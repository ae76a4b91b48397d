"""Around the table: tells what has been recorded as done, once the table has answered that it is."""

from typing import Any

from handlers.sqs.table.batch_table_itself import *  # noqa: F403 - takes the module's place, whatever others want of it

from handlers import witness
from handlers.core.bitmap import marked_indexes
from handlers.sqs.table import batch_table_itself


class BatchTable(batch_table_itself.BatchTable):
    """The table, watched, and mistaken now and then."""

    def get_batch(self, batch_id: str, *args: Any):
        witness.mistake(batch_id)
        return super().get_batch(batch_id, *args)

    def put_chunks(self, sizes, *args: Any) -> None:
        for key in sizes:
            witness.mistake(key.batch.batch_id, always=True)
            break
        super().put_chunks(sizes, *args)

    def put_failed(self, key, *args: Any) -> None:
        witness.mistake(key.batch.batch_id)
        super().put_failed(key, *args)

    def finish(self, key, *args: Any) -> bool:
        witness.mistake(key.batch_id)
        return super().finish(key, *args)

    def claim_chunk(self, key, *args: Any, **kwargs: Any):
        outcome = super().claim_chunk(key, *args, **kwargs)
        witness.works_on(key.batch.batch_id, key.batch.generation, key.seq)
        return outcome

    def save_chunk(self, claim, *args: Any) -> bool:
        held = super().save_chunk(claim, *args)
        if held:
            recorded(claim.key, marked_indexes(claim.settled))
        return held

    def release_chunk(self, claim, *args: Any) -> bool:
        held = super().release_chunk(claim, *args)
        if held:
            recorded(claim.key, marked_indexes(claim.settled))
        return held

    def delete_chunks(self, keys) -> None:
        keys = list(keys)
        super().delete_chunks(keys)
        for key in keys:
            recorded(key, None)

    def record_notified(self, key) -> None:
        super().record_notified(key)
        witness.tell("notified", batch=key.batch_id, generation=key.generation)


def recorded(key, indexes: list[int] | None) -> None:
    """These items of the chunk, None for all, are recorded as done."""
    witness.tell("recorded", batch=key.batch.batch_id, generation=key.batch.generation, seq=key.seq, indexes=indexes)
