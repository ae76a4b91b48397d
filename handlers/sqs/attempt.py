"""An attempt at a chunk: its items are processed, and what became of them is recorded.

It may take several invocations, if time runs out or a function dies. The chunk's record says how far it has come.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from handlers.aws.results import ResultStore
from handlers.aws.sqs import ReturnMessage
from handlers.core.bitmap import marked_indexes, unmarked_indexes, with_marked
from handlers.core.clock import Clock
from handlers.core.json_text import Item
from handlers.core.run_items import STOP_MS, Results
from handlers.sqs.finished import NEVER_TRIED, FinishedChunks
from handlers.sqs.messages import ChunkMessage
from handlers.sqs.records import NONE_RUNNING, Claim
from handlers.sqs.table import BatchTable

# So many invocations may die over a chunk whose attempts are used up, before its items fail without a result.
DEATHS_BEYOND = 2
DIED_ALONE = "its function ended without a result twice, the second time while it processed this item alone"

type Run = Callable[[dict[int, Item], Collection[int]], Results]
"""Processes items by index; those of the second argument one by one, after the others."""


@dataclass
class Attempt:
    """One invocation's part of an attempt. `claim` is the chunk's record as this invocation knows it.

    `results` is None if the stack does not collect results.
    `recorded`: the indexes of the items that are recorded as failed. `owed`: claims that count as no attempt, and have
    not been given back yet.
    """

    table: BatchTable
    finished: FinishedChunks
    claim: Claim
    message: ChunkMessage
    clock: Clock
    results: ResultStore | None
    found: Results = field(default_factory=Results)
    recorded: set[int] = field(default_factory=set)
    owed: int = 0

    @property
    def is_last(self) -> bool:
        """Whether this is the chunk's last attempt."""
        return self.claim.attempts >= self.message.max_attempts

    @property
    def count(self) -> int:
        """The number of the chunk's items."""
        return len(self.message.items)

    def work(self, run: Run) -> None:
        """Process what is pending."""
        claim = self.claim
        if claim.died or claim.failed:
            self.recorded = self.table.failed_indexes(claim.key)
        if not claim.died and claim.running is None:
            items = {index: self.message.items[index] for index in self._pending()}
            self.found = run(items, items.keys() & marked_indexes(claim.suspects))
            return
        # The function itself has died over this chunk. The attempt goes on.
        if claim.died:
            self.owed = 1
            self.claim = replace(claim, attempts=claim.attempts - 1)
        if claim.died and claim.running in self._pending():
            self.found.failed[claim.running] = DIED_ALONE
        self._one_by_one(run)

    def _pending(self) -> list[int]:
        """The indexes of the items that are to be processed."""
        passed = self.recorded | self.found.failed.keys() | set(marked_indexes(self.claim.tried))
        return [index for index in unmarked_indexes(self.claim.settled, self.count) if index not in passed]

    def _one_by_one(self, run: Run) -> None:
        """Process items one by one. Each is recorded before it begins: the next holder finds where this one dies."""
        pending = self._pending()
        for place, index in enumerate(pending):
            now = replace(self._so_far(), running=index)
            if not self.clock.has(2 * STOP_MS) or not self.table.save_chunk(now, self.owed):
                self.found.left += pending[place:]
                break
            self.owed = 0
            self.found.add(run({index: self.message.items[index]}, ()))
        self.claim = replace(self.claim, running=NONE_RUNNING)

    def settle(self, retry_delay: float) -> None:
        """Record what has become of the items. Raises ReturnMessage unless the chunk is finished."""
        self._keep_results()
        found, claim = self.found, self.claim
        suspects = (found.suspects | set(marked_indexes(claim.suspects))) & set(found.left)
        progressed = bool(found.done or found.failed or suspects - set(marked_indexes(claim.suspects)))
        if found.left and (progressed or not self.is_last):
            # Each such invocation settles or tries an item, or finds a suspect: so there is an end to them.
            now = replace(self._so_far(), suspects=with_marked(b"", suspects, self.count))
            self._release(now if progressed else replace(now, tried=b""), self.owed + progressed)
            raise ReturnMessage(0 if progressed else retry_delay)
        errors = found.failed | dict.fromkeys(found.left, NEVER_TRIED)
        if claim.tried or not (self.is_last or found.permanent.issuperset(errors)):
            self._release(replace(self._so_far(), tried=b"", suspects=b"", running=None), self.owed)
            raise ReturnMessage(retry_delay)
        errors = {index: error for index, error in errors.items() if index not in self.recorded}
        # A holder that died may have recorded failed items, and not their number.
        if errors or (claim.died and self.recorded):
            self.finished.add_failed(claim, self.message, errors, len(self.recorded))
        else:
            self.finished.add(claim.key)

    def _so_far(self) -> Claim:
        """The claim with what has become of its items. Those that are not tried again are recorded as failed first."""
        self._keep_results()
        found, claim = self.found, self.claim
        final = {
            index: error
            for index, error in found.failed.items()
            if index not in self.recorded and (self.is_last or index in found.permanent)
        }
        if final:
            self.finished.record_failed(claim, self.message, final, len(self.recorded))
            self.recorded |= final.keys()
        return replace(
            claim,
            settled=with_marked(claim.settled, {*found.done, *self.recorded}, self.count),
            tried=with_marked(claim.tried, found.failed.keys() - self.recorded, self.count),
            failed=len(self.recorded),
        )

    def _keep_results(self) -> None:
        """Store the results of what is done, before it is recorded as done. What is stored already is replaced."""
        if self.results and self.found.values:
            # Every claim has its own end of the lease, which tells it apart.
            name = f"{self.claim.key.seq:012d}-{self.claim.lease_until}"
            values = ((self.message.items[index]["id"], value) for index, value in sorted(self.found.values.items()))
            batch = self.claim.key.batch
            self.results.put(batch.batch_id, batch.generation, name, values)

    def _release(self, claim: Claim, give_back: int) -> None:
        self.table.release_chunk(claim, give_back)
        self.finished.left_unfinished(claim.key)
