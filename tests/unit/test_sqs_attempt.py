"""Attempts at a chunk of the SQS architecture: one bad item costs one item, and each invocation gets on."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.aws.sqs import ReturnMessage
from handlers.core.clock import Clock
from handlers.core.run_items import Results
from handlers.sqs.attempt import DEATHS_BEYOND, Attempt
from handlers.sqs.finished import FinishedChunks
from handlers.sqs.messages import ChunkMessage
from handlers.sqs.processor import Processor
from handlers.sqs.records import BatchKey, ChunkFinished, ChunkKey, Claim
from handlers.sqs.table import BatchTable
from tests.model.dynamodb import DynamoDBClient, Records, execute
from tests.unit.one_bad_item import CHUNKS, FunctionDied, Work

KEY = ChunkKey(BatchKey("b"), 0, 0)


class Chunk:
    """One chunk in a table, processed by one invocation after the other. `writes` counts those to its record."""

    def __init__(self, work: Work, attempts: int):
        self.records: Records = {}
        self.updates = 0
        self.table = BatchTable(DynamoDBClient(self._call), "table")
        self.work = work
        self.message = ChunkMessage(KEY, 10, attempts, 10**13, work.items())
        self.now = 1_000
        self.table.put_chunks({KEY: len(work.kinds)}, self.now)

    def _call(self, operation: str, asked: dict) -> dict:
        self.updates += operation == "UpdateItem"
        return execute(self.records, operation, asked)

    def invocation(self) -> bool:
        """One invocation; whether the chunk is finished by it."""
        self.work.invocations += 1
        self.now += 1_000_000
        claim = self.table.claim_chunk(KEY, self.now, self.now + 60_000)
        if isinstance(claim, ChunkFinished):
            return True
        assert isinstance(claim, Claim)
        assert claim.attempts <= self.message.max_attempts + (DEATHS_BEYOND if claim.died else 0)
        finished = FinishedChunks(self.table, None, Clock(self))  # type: ignore[arg-type]
        attempt = Attempt(self.table, finished, claim, self.message, Clock(self), None)
        try:
            attempt.work(self.work.run)
            attempt.settle(0)
            finished.flush()
        except (FunctionDied, ReturnMessage):
            return False
        return True

    def to_its_end(self) -> dict[str, str]:
        """All invocations; returns the errors that are recorded, by item id."""
        while not self.invocation():
            pass
        assert self.table.is_shard_empty(KEY.batch, 0)
        failed = [record for key, record in self.records.items() if key[0].startswith("failed#")]
        counted = [record["count"]["N"] for key, record in self.records.items() if key[0].startswith("failures#")]
        assert counted == ([str(len(failed))] if failed else [])
        return {self.work.items()[int(r["SK"]["S"][-5:])]["id"]: r["error"]["S"] for r in failed}

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@given(kinds=CHUNKS, attempts=st.integers(1, 3))
def test_one_bad_item_costs_one_item(kinds, attempts):
    work = Work(kinds)
    work.assert_only_the_bad_have_failed(Chunk(work, attempts).to_its_end(), attempts)
    assert work.invocations <= attempts * (3 * len(kinds) + 2)


def test_only_after_a_function_died_is_each_item_recorded_before_it_begins():
    plain, deadly = Chunk(Work(["good"] * 5), 3), Chunk(Work(["good", "good", "kill", "good"]), 3)
    plain.to_its_end()
    deadly.to_its_end()
    assert plain.updates == 1
    assert deadly.updates > 4


@pytest.mark.parametrize("dies_at", ["put_failed", "delete_chunks", "release_chunk", "save_chunk"])
@pytest.mark.parametrize("takes_effect", [False, True])
def test_a_function_that_dies_at_any_call_costs_no_item_and_no_count(monkeypatch, dies_at, takes_effect):
    chunk = Chunk(Work(["good", "permanent", "always", "good"]), 2)
    call, died = getattr(BatchTable, dies_at), []

    def die_once(*arguments):
        if died or takes_effect:
            outcome = call(*arguments)
        if not died:
            died.append(True)
            raise FunctionDied
        return outcome

    monkeypatch.setattr(BatchTable, dies_at, die_once)
    if dies_at == "save_chunk":
        chunk.work.run, run = lambda *_: (_ for _ in ()).throw(FunctionDied), chunk.work.run  # type: ignore[method-assign]
        assert not chunk.invocation()
        chunk.work.run = run  # type: ignore[method-assign]
    assert chunk.to_its_end().keys() == {"1", "2"}


def test_a_suspect_runs_alone_in_the_next_invocation():
    chunk = Chunk(Work(["good", "hang", "good"]), 1)
    assert not chunk.invocation()
    given: list[set[int]] = []

    def run(items, alone) -> Results:
        given.append(set(alone))
        return Results(done=list(items))

    chunk.work.run = run  # type: ignore[method-assign]
    assert chunk.invocation()
    assert given == [{1, 2}]


def test_a_chunk_is_not_claimed_where_the_work_can_start_only_too_late():
    chunk = Chunk(Work(["good"]), 1)
    finished = FinishedChunks(chunk.table, None, Clock(chunk))  # type: ignore[arg-type]
    worker = SimpleNamespace(ready=lambda _: False)
    processor = Processor(chunk.table, finished, worker, 0, None)  # type: ignore[arg-type]
    with pytest.raises(ReturnMessage):
        processor.handle(chunk.message, False, Clock(chunk))
    assert chunk.updates == 0
