"""Calls that fail, hang, lose their answers, or take effect in part."""

import json
import time
import uuid
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from sandbox.state import Sandbox
from tests.clock import Clock
from tests.e2e.faults.parts import Inject, name_of, put, received, request, rule, stored
from tests.probes import eventually

pytest_plugins = ("tests.e2e.executor_deploy",)


def test_an_error_looks_like_awss_own_and_the_call_has_no_effect(aws, inject: Inject, caller, table: str):
    report = inject({"kind": "error", "service": "dynamodb", "operation": "Put*", "function": caller.name,
                     "error": "ProvisionedThroughputExceededException"})  # fmt: skip
    answer = caller.invoke(put(table)).payload
    assert (answer["error"], answer["class"], answer["status"]) == (
        "ProvisionedThroughputExceededException", "ProvisionedThroughputExceededException", 400
    )  # fmt: skip
    assert stored(aws, table) == set()
    assert report()["injected"] == 1


def test_the_sdks_own_retries_get_over_errors_that_pass(aws, inject: Inject, caller, table: str):
    report = inject({"kind": "error", "function": caller.name, "operation": "PutItem", "count": 2})
    answer = caller.invoke(put(table) | {"attempts": 4}).payload
    assert answer["attempts"] == 3
    assert stored(aws, table) == {"a"}
    assert (report()["seen"], report()["injected"]) == (3, 2)


@pytest.mark.parametrize("service", ["sqs", "s3", "events", "stepfunctions"])
def test_every_protocol_carries_the_error(aws, inject: Inject, service: str):
    calls = {"sqs": "ListQueues", "s3": "ListBuckets", "events": "ListRules", "stepfunctions": "ListStateMachines"}
    inject({"kind": "error", "service": service, "operation": calls[service], "error": "SlowDown", "status": 503})
    client = boto3.client(
        service, endpoint_url=aws(service).meta.endpoint_url, config=Config(retries={"total_max_attempts": 1})
    )
    method = {"sqs": "list_queues", "s3": "list_buckets", "events": "list_rules"}.get(service, "list_state_machines")
    with pytest.raises(ClientError, match="SlowDown") as caught:
        getattr(client, method)()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_a_lost_answer_is_an_error_of_a_call_that_took_effect(aws, inject: Inject, caller, table: str):
    report = inject({"kind": "lost-answer", "service": "dynamodb", "operation": "PutItem", "function": caller.name})
    answer = caller.invoke(put(table)).payload
    assert (answer["error"], answer["status"]) == ("InternalServerError", 500)
    assert stored(aws, table) == {"a"}
    assert report()["injected"] == 1


def test_a_delayed_call_waits_and_then_takes_effect(aws, inject: Inject, caller, table: str):
    caller.invoke(put(table, "warm"))
    report = inject({"kind": "delay", "function": caller.name, "operation": "PutItem", "seconds": 1.2})
    before = time.monotonic()
    caller.invoke(put(table))
    assert time.monotonic() - before >= 1.2
    assert stored(aws, table) == {"warm", "a"}
    assert report()["injected"] == 1


def test_clearing_the_plan_ends_its_delays(sandbox: Sandbox, inject: Inject, aws, table: str, caller):
    report = inject({"kind": "delay", "function": caller.name, "operation": "PutItem", "seconds": 600})
    aws("lambda").invoke(FunctionName=caller.name, InvocationType="Event", Payload=json.dumps(put(table)))

    def waiting():
        assert report()["injected"] == 1

    eventually(waiting)
    request(sandbox, "DELETE")

    def there():
        assert stored(aws, table) == {"a"}

    eventually(there)


def impatient(sandbox: Sandbox, service: str) -> Any:
    """A client that waits for an answer for a second, once."""
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    settings = Config(read_timeout=1, retries={"total_max_attempts": 1})
    return session.client(service, endpoint_url=sandbox.endpoint, config=settings)


@pytest.mark.parametrize(("when", "effect"), [("before", set()), ("after", {"a"})])
def test_a_call_hangs_until_its_client_gives_up_before_or_after_it_takes_effect(
    sandbox: Sandbox, aws, inject: Inject, table: str, clock: Clock, when: str, effect: set[str]
):
    report = inject({"kind": "hang", "when": when, "operation": "PutItem", "count": 1})
    with pytest.raises(ReadTimeoutError):
        impatient(sandbox, "dynamodb").put_item(TableName=table, Item={"id": {"S": "a"}})
    eventually(lambda: hung(clock, 0))
    assert stored(aws, table) == effect
    assert report()["injected"] == 1


def hung(clock: Clock, calls: int) -> None:
    """So many calls hang, by the count of what runs."""
    assert str(clock.show()["running"]).count("hung call") == calls


def test_clearing_the_plan_answers_the_calls_that_hang(sandbox: Sandbox, aws, inject: Inject, table: str, caller):
    inject({"kind": "hang", "function": caller.name, "operation": "PutItem"})
    aws("lambda").invoke(FunctionName=caller.name, InvocationType="Event", Payload=json.dumps(put(table)))
    eventually(lambda: hung(Clock(sandbox.endpoint), 1))
    request(sandbox, "DELETE")

    def there():
        assert stored(aws, table) == {"a"}

    eventually(there)


def test_an_answer_stops_after_so_many_bytes_of_its_body(sandbox: Sandbox, aws, inject: Inject, undo: ExitStack):
    s3, name = aws("s3"), f"faults-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    undo.callback(s3.delete_bucket, Bucket=name)
    s3.put_object(Bucket=name, Key="a", Body=b"x" * 3_000_000)
    undo.callback(s3.delete_object, Bucket=name, Key="a")
    report = inject({"kind": "hang", "operation": "GetObject", "bytes": 2_000_000, "count": 1})
    body = impatient(sandbox, "s3").get_object(Bucket=name, Key="a")["Body"]
    assert len(body.read(2_000_000)) == 2_000_000
    with pytest.raises(ReadTimeoutError):
        body.read(1)
    body.close()
    assert len(s3.get_object(Bucket=name, Key="a")["Body"].read()) == 3_000_000
    assert report()["injected"] == 1


def test_a_partial_batch_write_stores_the_rest_and_names_what_it_did_not(aws, inject: Inject, table: str):
    report = inject({"kind": "partial", "service": "dynamodb", "share": 0.3})
    puts = [{"PutRequest": {"Item": {"id": {"S": str(n)}, "bits": {"B": bytes([n])}}}} for n in range(10)]
    answer = aws("dynamodb").batch_write_item(RequestItems={table: puts})
    left = {item["PutRequest"]["Item"]["id"]["S"] for item in answer["UnprocessedItems"][table]}
    assert len(left) == 3
    assert stored(aws, table) == {str(n) for n in range(10)} - left
    assert answer["UnprocessedItems"][table][0]["PutRequest"]["Item"]["bits"]["B"] == bytes([int(min(left))])
    assert report()["injected"] == 1


def test_a_partial_batch_write_may_fail_in_every_item(aws, inject: Inject, table: str):
    inject({"kind": "partial", "operation": "BatchWriteItem", "share": 1, "count": 1})
    puts = [{"PutRequest": {"Item": {"id": {"S": "a"}}}}]
    again = aws("dynamodb").batch_write_item(RequestItems={table: puts})["UnprocessedItems"]
    assert again == {table: puts}
    assert stored(aws, table) == set()
    assert aws("dynamodb").batch_write_item(RequestItems=again)["UnprocessedItems"] == {}
    assert stored(aws, table) == {"a"}


def test_a_partial_send_sends_the_rest(aws, inject: Inject, queue: str):
    report = inject({"kind": "partial", "operation": "SendMessageBatch", "count": 1})
    entries = [{"Id": str(n), "MessageBody": str(n)} for n in range(4)]
    answer = aws("sqs").send_message_batch(QueueUrl=queue, Entries=entries)
    assert [(each["SenderFault"], each["Code"]) for each in answer["Failed"]] == [(False, "InternalFailure")] * 2
    sent = {each["Id"] for each in answer["Successful"]}
    messages = aws("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert {message["Body"] for message in messages} == sent
    assert sent | {each["Id"] for each in answer["Failed"]} == {"0", "1", "2", "3"}
    assert report()["injected"] == 1


def test_a_partial_delete_deletes_the_rest(aws, inject: Inject, queue: str):
    sqs = aws("sqs")
    sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(4)])
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=1)["Messages"]
    inject({"kind": "partial", "operation": "DeleteMessageBatch"})
    entries = [{"Id": m["Body"], "ReceiptHandle": m["ReceiptHandle"]} for m in messages]
    failed = {each["Id"] for each in sqs.delete_message_batch(QueueUrl=queue, Entries=entries)["Failed"]}
    assert len(failed) == 2

    def back():
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=2)["Messages"]
        assert {message["Body"] for message in found} == failed

    eventually(back, retry_on=KeyError)


def test_partly_put_events_say_which_failed(aws, inject: Inject, queue: str, undo: ExitStack):
    rule(aws, undo, queue, EventPattern=json.dumps({"source": [name_of(queue)]}))
    report = inject({"kind": "partial", "service": "events", "operation": "PutEvents"})
    entries = [{"Source": name_of(queue), "DetailType": str(n), "Detail": "{}"} for n in range(4)]
    answer = aws("events").put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 2
    failed = {str(n) for n, entry in enumerate(answer["Entries"]) if entry.get("ErrorCode") == "InternalFailure"}
    assert len(failed) == 2
    assert delivered(aws, queue, 2) == {"0", "1", "2", "3"} - failed
    assert report()["injected"] == 1


def delivered(aws, queue: str, expected: int) -> set[str]:
    """The detail types of so many events, once they have come."""
    events = []

    def came():
        events.extend(received(aws, queue))
        assert len(events) >= expected

    eventually(came)
    assert len(events) == expected
    return {event["detail-type"] for event in events}
