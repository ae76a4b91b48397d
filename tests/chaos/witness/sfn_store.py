"""Around handlers/sfn/store.py: tells when it is recorded that Batch Finished is published."""

from handlers.sfn.store_itself import *  # noqa: F403 - takes the module's place, whatever others want of it

from handlers import witness
from handlers.sfn import store_itself


class BatchObjects(store_itself.BatchObjects):
    """The objects, watched, and mistaken now and then."""

    def find_made(self):
        witness.mistake(self.batch_id)
        return super().find_made()

    def put_made(self, made) -> None:
        witness.mistake(self.batch_id, always=True)
        super().put_made(made)

    def put_failed(self, *args) -> None:
        witness.mistake(self.batch_id)
        super().put_failed(*args)

    def put_ending(self, *args) -> bool:
        witness.mistake(self.batch_id)
        return super().put_ending(*args)

    def record_notified(self) -> None:
        super().record_notified()
        batch_id, generation = self.name.rsplit("/", 1)
        witness.tell("notified", batch=batch_id, generation=int(generation))
