"""The meter: what a batch of known size uses, for whom it is counted, and that nothing is counted twice or lost."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rollcall.target.meter_client import fetch_meter, reset_meter
from sandbox.state import Sandbox
from tests.e2e.stacks import Stacks
from tests.faults import Plan
from tests.probes import eventually


class Meter:
    """What tests ask of the sandbox's meter."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def rows(self, batch: str | None = None, **wanted: str | None) -> list[dict[str, Any]]:
        """The rows of a batch, or all, whose columns have these values."""
        rows = fetch_meter(self._endpoint, batch)["rows"]
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]

    def sum(self, batch: str | None = None, **wanted: str | None) -> float:
        return sum(row["quantity"] for row in self.rows(batch, **wanted))

    def storage(self, **wanted: str) -> list[dict[str, Any]]:
        return [each for each in fetch_meter(self._endpoint)["storage"] if wanted.items() <= each.items()]

    def reset(self) -> None:
        reset_meter(self._endpoint)


@pytest.fixture
def meter(sandbox: Sandbox) -> Meter:
    return Meter(sandbox.endpoint)


@pytest.fixture
def table(aws: Callable[[str], Any]) -> Iterator[str]:
    """A table of its own, of no stack."""
    name = "meter-under-test"
    aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("PK", "SK")],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    aws("dynamodb").delete_table(TableName=name)


def key(name: str) -> dict[str, Any]:
    return {"PK": {"S": "p"}, "SK": {"S": name}}


def test_a_chunk_in_sqs_is_three_write_units_and_two_batches_at_once_are_told_apart(stacks: Stacks, meter: Meter):
    batches = {stacks.start("sqs", items=10 * chunks, itemsPerChunk=10): chunks for chunks in (6, 20)}
    writes = {"unit": "dynamodb.write_units"}

    def of_both(**which: str) -> float:
        return sum(meter.sum(batch, **which) for batch in batches)

    def all_counted() -> None:
        for batch, chunks in batches.items():
            assert meter.sum(batch, function="BatcherFunction", operation="BatchWriteItem", **writes) == chunks
        # What an invocation does for chunks of both is split evenly between them.
        assert of_both(function="ProcessorFunction", operation="UpdateItem", **writes) == pytest.approx(26)
        # Its deletes are batched or, where the one before was over a second ago, not.
        assert of_both(function="ProcessorFunction", **writes) == pytest.approx(2 * 26)
        assert of_both(unit="events.published") == pytest.approx(4)

    for batch in batches:
        stacks.finished(batch)
    eventually(all_counted)
    for batch in batches:
        assert {row["stack"] for row in meter.rows(batch, by="function")} == {f"SqsBatchProcessing{stacks.suffix}"}


def test_a_child_in_step_functions_is_its_start_and_its_states_and_a_chunk_five_states(stacks: Stacks, meter: Meter):
    batch = stacks.start("sfn", items=50, itemsPerChunk=10)
    stacks.finished(batch)

    def all_counted() -> None:
        assert meter.sum(batch, unit="states.children") == 2
        # Light enough?, Read its chunks, Its chunks; Clock, Time left?, Process, Outcome, Done.
        assert meter.sum(batch, unit="states.transitions", operation="child") == 2 * 3 + 5 * 5
        assert meter.sum(batch, unit="states.express_requests") == 2
        # At least 100 ms of 64 MB each.
        assert meter.sum(batch, unit="states.express_gb_seconds") >= 2 * 0.1 * 64 / 1024
        # Begin, Make chunks, Chunks made?, Try the work, Process chunks, Finalize.
        assert meter.sum(batch, unit="states.transitions", operation="parent") == 6
        assert meter.sum(batch, function="ProcessorFunction", unit="lambda.requests") == 1 + 5
        # The Map reads its children, and writes a manifest; each child reads its chunks.
        assert meter.sum(batch, by="states", unit="s3.gets") == 1
        assert meter.sum(batch, by="child", unit="s3.gets") == 2
        assert meter.sum(batch, by="states", unit="s3.puts") == 1
        assert meter.sum(batch, unit="events.published") == 2

    eventually(all_counted)
    assert {row["stack"] for row in meter.rows(batch, unit="states.transitions")} == {
        f"SfnBatchProcessing{stacks.suffix}"
    }


@pytest.mark.parametrize("architecture", ["sqs", "sfn"])
def test_a_batch_whose_request_names_no_id_gets_what_it_causes(stacks: Stacks, meter: Meter, architecture: str):
    request = {"items": 20, "itemsPerChunk": 10}
    batch = stacks.request(request) if architecture == "sqs" else stacks.execute(request).rpartition(":")[2]
    stacks.finished(batch)

    def all_counted() -> None:
        # Told by the messages that it sends, in SQS.
        assert meter.sum(batch, function="BatcherFunction", unit="lambda.requests") >= 1
        # Told by what its first state passes on, in Step Functions.
        assert meter.sum(batch, unit="states.transitions", operation="parent") == {"sqs": 0, "sfn": 6}[architecture]

    eventually(all_counted)


def test_work_is_a_part_of_what_is_billed(stacks: Stacks, meter: Meter):
    batch = stacks.start("sfn", items=20, itemsPerChunk=10)
    stacks.finished(batch)
    processor = {"function": "ProcessorFunction"}
    billed = meter.sum(batch, unit="lambda.billed_ms", **processor)
    memory = {row["operation"] for row in meter.rows(batch, unit="lambda.billed_ms", **processor)}
    (size,) = map(int, memory)
    (seconds,) = meter.rows(batch, **processor, operation="invoke", unit=seconds_unit(meter, batch))
    assert seconds["quantity"] == pytest.approx(billed / 1000 * size / 1024)
    assert 0 <= meter.sum(batch, unit="lambda.work_gb_seconds", **processor) <= seconds["quantity"]
    assert meter.sum(batch, unit="logs.bytes", operation="platform", **processor) > 0


def seconds_unit(meter: Meter, batch: str) -> str:
    (unit,) = {row["unit"] for row in meter.rows(batch) if row["unit"].startswith("lambda.gb_seconds")}
    return unit


def test_batches_and_what_is_nobodys_add_up_to_the_total_and_a_reset_begins_at_zero(stacks: Stacks, meter: Meter):
    stack = f"SqsBatchProcessing{stacks.suffix}"
    requests: dict[str, str | None] = {"stack": stack, "unit": "lambda.requests"}
    puts: dict[str, str | None] = {"stack": stack, "function": "BatcherFunction", "operation": "BatchWriteItem"}
    stacks.finished(stacks.start("sqs", items=30, itemsPerChunk=10))
    assert meter.sum(**puts) >= 3
    meter.reset()
    assert not meter.rows(**puts)
    for batch in [stacks.start("sqs", items=100, itemsPerChunk=10) for _ in range(2)]:
        stacks.finished(batch)

    def whole() -> None:
        # What is split among batches is one call all the same.
        rows = meter.rows(**requests)
        assert sum(row["quantity"] for row in rows) == pytest.approx(sum(row["calls"] for row in rows))
        assert meter.sum(**puts) == 20

    eventually(whole)


def test_writes_and_reads_of_a_table_are_counted_by_the_size_of_the_item(
    aws: Callable[[str], Any], meter: Meter, table: str
):
    dynamodb = aws("dynamodb")
    meter.reset()
    dynamodb.put_item(TableName=table, Item={**key("large"), "text": {"S": "x" * 3000}})
    dynamodb.update_item(
        TableName=table,
        Key=key("large"),
        UpdateExpression="SET small = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(TableName=table, Item=key("large"), ConditionExpression="attribute_not_exists(PK)")
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.update_item(
            TableName=table,
            Key=key("missing"),
            UpdateExpression="SET a = :a",
            ConditionExpression="attribute_exists(PK)",
            ExpressionAttributeValues={":a": {"S": "a"}},
        )
    dynamodb.batch_write_item(
        RequestItems={table: [{"PutRequest": {"Item": {**key(n), "b": {"B": b"x" * 1500}}}} for n in ("a", "b")]}
    )
    dynamodb.delete_item(TableName=table, Key=key("large"))
    dynamodb.get_item(TableName=table, Key=key("missing"))
    dynamodb.get_item(TableName=table, Key=key("a"), ConsistentRead=True, ProjectionExpression="PK")
    query = {"KeyConditionExpression": "PK = :p", "ExpressionAttributeValues": {":p": {"S": "p"}}}
    dynamodb.query(TableName=table, Select="COUNT", **query)
    dynamodb.query(TableName=table, Limit=1, ConsistentRead=True, **query)
    transaction = [{"Put": {"TableName": table, "Item": key("c")}}, {"Delete": {"TableName": table, "Key": key("a")}}]
    dynamodb.transact_write_items(TransactItems=transaction)
    found: defaultdict[str, float] = defaultdict(float)
    for row in meter.rows(stack=None, by="client"):
        if row["unit"].startswith("dynamodb."):
            found[row["operation"]] += row["quantity"]
    assert found == {
        "PutItem": 3,
        "UpdateItem": 3,
        "PutItem:failed-condition": 3,
        "UpdateItem:failed-condition": 1,
        "BatchWriteItem": 2 + 2,
        "DeleteItem": 3,
        "GetItem": 0.5 + 1,
        "Query": 0.5 + 1,
        "TransactWriteItems": 2 * (1 + 2),
    }
    (stored,) = meter.storage(service="dynamodb", resource=table)
    # b: PK, SK, b and their values; c: PK, SK and their values; 100 bytes more for each.
    assert (stored["objects"], stored["bytes"]) == (2, 2 + 1 + 2 + 1 + 1 + 1500 + 2 + 1 + 2 + 1 + 200)


def test_what_is_stored_belongs_to_no_batch(sandbox: Sandbox):
    whole, of_batch = (fetch_meter(sandbox.endpoint, batch) for batch in (None, "any"))
    assert set(whole) - set(of_batch) == {"storage"}


def test_an_injected_fault_is_billed_as_aws_would(aws: Callable[[str], Any], meter: Meter, plan: Plan, table: str):
    bucket, queue = "meter-under-test", aws("sqs").create_queue(QueueName="meter-under-test")["QueueUrl"]
    aws("s3").create_bucket(Bucket=bucket)
    meter.reset()
    plan(
        {"kind": "error", "service": "dynamodb", "operation": "PutItem", "count": 1},
        {"kind": "error", "service": "sqs", "operation": "SendMessage", "count": 1},
        {"kind": "lost-answer", "service": "sqs", "operation": "PurgeQueue", "count": 1},
        {"kind": "error", "service": "s3", "operation": "PutObject", "error": "SlowDown", "status": 503, "count": 1},
        {"kind": "error", "service": "s3", "operation": "GetObject", "error": "NoSuchKey", "status": 404, "count": 1},
    )
    # The SDK tries each once more, but for the last one.
    aws("dynamodb").put_item(TableName=table, Item=key("a"))
    aws("sqs").send_message(QueueUrl=queue, MessageBody="a")
    aws("sqs").purge_queue(QueueUrl=queue)
    aws("s3").put_object(Bucket=bucket, Key="a", Body=b"a")
    with pytest.raises(aws("s3").exceptions.NoSuchKey):
        aws("s3").get_object(Bucket=bucket, Key="a")
    rows = meter.rows(by="client", batch=None)
    counted = {row["operation"]: row["quantity"] for row in rows}
    assert counted["PutItem"] == 1, "a throttled write consumes no capacity"
    assert counted["SendMessage"] == 1
    assert counted["PurgeQueue"] == 2, "the first took effect: only its answer was lost"
    assert counted["PutObject"] == 1, "S3 bills no 5xx"
    assert counted["GetObject"] == 1, "S3 bills a 404"
    aws("s3").delete_object(Bucket=bucket, Key="a")
    aws("s3").delete_bucket(Bucket=bucket)
    aws("sqs").delete_queue(QueueUrl=queue)
