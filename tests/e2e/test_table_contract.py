"""The model's table says what DynamoDB says: the same calls on both, outcome by outcome, and the same records after.

The model (tests/model) is worth as much as its table. Here the protocol's own BatchTable makes random calls through a
client of the engine and through the model's, with keys and times so few that most calls meet what others left.
"""

import random
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from handlers.core.batch import BatchRequest, Ending, InvalidRequest, Status
from handlers.sqs.records import NONE_RUNNING, Batch, BatchKey, ChunkKey, Claim, Closing, Segment
from handlers.sqs.table import FOREVER, BatchTable
from tests.model.dynamodb import DynamoDBClient, Records, execute

CALLS = 800
KEYS = [BatchKey("one", 1), BatchKey("one", 2), BatchKey("two", 1)]
TIMES = [1_800_000_000_000 + seconds * 1000 for seconds in (0, 10, 20, 30)]
SHARDS = 2
ITEMS = 3

type Method = Callable[[BatchTable], Any]


@pytest.fixture
def engine_table(aws: Callable[[str], Any]) -> Iterator[BatchTable]:
    """A table like the stack's, of its own."""
    client, name = aws("dynamodb"), f"contract-{uuid.uuid4().hex[:8]}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("PK", "SK")],
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    yield BatchTable(client, name)
    client.delete_table(TableName=name)


def any_call(draw: random.Random) -> Method:
    """A call of one of the table's methods, with arguments that others use too."""
    key, now, later = draw.choice(KEYS), draw.choice(TIMES), draw.choice(TIMES)
    number, shard = draw.randrange(3), draw.randrange(SHARDS)
    chunk = ChunkKey(key, shard, shard + SHARDS * draw.randrange(3))
    chunks = [ChunkKey(key, seq % SHARDS, seq) for seq in range(draw.randrange(1, 5))]
    settled = draw.sample(range(ITEMS), draw.randrange(ITEMS + 1))
    bitmaps = [draw.choice([b"", b"\x01", b"\x06"]) for _ in range(3)]
    claim = Claim(chunk, later, 1, *bitmaps, failed=number, running=draw.choice([None, NONE_RUNNING, number]))
    segments = frozenset(draw.sample(range(3), draw.randrange(4)))
    batch = Batch(
        key, Status.OPEN, BatchRequest(items=9), SHARDS, now, later, segments, 3, 3, 9, draw.choice([9, None])
    )
    segment = Segment(number, later, number, number, number, number)
    ending = Ending(key.batch_id, key.generation, "sqs", Status.EXPIRED, 9, 1, 2, 6, 3, now, later, "late")
    failed = {index: ({"id": f"item-{index}"}, "it failed") for index in settled}
    methods: list[Method] = [
        lambda table: table.create_batch(batch),
        lambda table: table.get_batch(key.batch_id, key.generation),
        lambda table: table.latest_generation(key.batch_id),
        lambda table: table.recent(),
        lambda table: table.abandon_segment(key, number, "nobody makes it", now),
        lambda table: table.cancel(key, now),
        lambda table: table.record_scheduled(key.batch_id),
        lambda table: table.scheduled_last(),
        lambda table: draw_rarely and table.finish(key, ending, draw_drained, later),
        lambda table: table.take_announcement_over(known(table, key, batch), later),
        lambda table: notify(table, key),
        lambda table: table.record_progress(key, "a digest", now),
        lambda table: table.record_stalled(known(table, key, batch)),
        lambda table: table.claim_segment(key, number, now, later),
        lambda table: table.fence_segment(key, number, now),
        lambda table: table.get_segment(key, number),
        lambda table: table.advance_segment(key, segment),
        lambda table: table.release_segment(key, segment),
        lambda table: finish(table, key, number),
        lambda table: table.count_made(key),
        lambda table: table.put_chunks(dict.fromkeys(chunks, ITEMS), now),
        lambda table: table.claim_chunk(chunk, now, later),
        lambda table: table.claim_chunk(chunk, now, FOREVER if number == 0 else later),
        lambda table: table.save_chunk(claim, number),
        lambda table: table.release_chunk(claim, number),
        lambda table: table.free_chunk(claim),
        lambda table: table.report_unready(key, "it cannot be imported"),
        lambda table: draw_rarely and table.record_begun(key),
        lambda table: table.is_untouched(known(table, key, batch)),
        lambda table: table.delete_chunks(chunks[-1:]),
        lambda table: table.is_shard_empty(key, shard),
        lambda table: table.count_chunks(batch),
        lambda table: table.glimpse(batch),
        lambda table: table.first_chunks(batch, 2),
        lambda table: list(table.drop_chunks(batch, shard, now, number)),
        lambda table: table.get_closing(key, shard),
        lambda table: table.put_closing(batch, shard, Closing(number, number, number, number)),
        lambda table: list(table.dropped_chunks(batch, 0)),
        lambda table: table.put_failed(chunk, failed, 2, now, before=number),
        lambda table: table.put_failed_count(chunk, number, now),
        lambda table: list(table.failed_counts(batch, shard, number)),
        lambda table: table.count_failed(batch),
        lambda table: table.failed_indexes(chunk),
        lambda table: list(table.failed_items(batch)),
    ]
    draw_rarely, draw_drained = draw.random() < 0.3, draw.choice([None, now])
    return draw.choice(methods)


def known(table: BatchTable, key: BatchKey, otherwise: Batch) -> Batch:
    """The batch as it is, for what depends on what its caller has seen."""
    return table.get_batch(key.batch_id, key.generation) or otherwise


def finish(table: BatchTable, key: BatchKey, number: int) -> Batch | str | None:
    """Of a batch that has room for one segment and not for two."""
    try:
        return table.finish_segment(key, number, ITEMS, 1, max_items=2 * ITEMS - 1)
    except InvalidRequest as refused:
        return str(refused)


def notify(table: BatchTable, key: BatchKey) -> None:
    """Nobody announces a batch that is not there."""
    if table.get_batch(key.batch_id, key.generation):
        table.record_notified(key)


def content(records: list[dict]) -> list[tuple]:
    """Records in an order of their own, and their number sets too."""
    return sorted(
        tuple(sorted((name, kind, str(sorted(value) if kind == "NS" else value)))
              for name, attribute in record.items() for kind, value in attribute.items())
        for record in records
    )  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_the_models_table_answers_what_the_engines_answers(seed: int, engine_table: BatchTable):
    records: Records = {}
    model_table = BatchTable(DynamoDBClient(lambda operation, asked: execute(records, operation, asked)), "model")
    draw = random.Random(seed)
    said = []
    for _ in range(CALLS):
        call = any_call(draw)
        said.append(call(model_table))
        assert call(engine_table) == said[-1]
    pages = engine_table.client.get_paginator("scan").paginate(TableName=engine_table.name, ConsistentRead=True)
    assert content([record for page in pages for record in page["Items"]]) == content(list(records.values()))
    # Calls that are all refused would prove nothing.
    assert said.count(True) > CALLS / 50
    assert said.count(False) > CALLS / 50


def test_pages_go_on_after_a_record_that_is_gone_by_then(engine_table: BatchTable):
    records: Records = {}
    model_table = BatchTable(DynamoDBClient(lambda operation, asked: execute(records, operation, asked)), "model")
    assert pages(engine_table) == pages(model_table) == [["0", "1"], ["2", "3"], ["4"]]


def pages(table: BatchTable) -> list[list[str]]:
    """The sort keys on the pages of a query, each of which loses its last record before the next is asked for."""
    for number in range(5):
        table.client.put_item(TableName=table.name, Item={"PK": {"S": "p"}, "SK": {"S": str(number)}})
    query = {
        "TableName": table.name,
        "KeyConditionExpression": "PK = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "p"}},
    }
    found: list[list[str]] = []
    start: dict[str, dict] = {}
    while True:
        page = table.client.query(**query, **start, Limit=2, ConsistentRead=True)
        found.append([record["SK"]["S"] for record in page["Items"]])
        if "LastEvaluatedKey" not in page:
            return found
        table.client.delete_item(TableName=table.name, Key=page["LastEvaluatedKey"])
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
