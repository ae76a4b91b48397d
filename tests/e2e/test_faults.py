"""Faults on demand: each kind is injected, is counted, and has the effect it is named after."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from rollcall.target.engine_client import ask
from sandbox.state import Sandbox
from tests.clock import Clock
from tests.e2e.test_distributed_map import Machine
from tests.e2e.test_pollers import Consumer
from tests.faults import PATH
from tests.probes import consistently, eventually

pytest_plugins = ("tests.e2e.executor_deploy",)

# Answers whether its call worked, or how it failed, after as many attempts as `attempts` says.
CALLER = """
import os, time
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

def handler(event, context):
    client = boto3.client(event["service"], config=Config(retries={"total_max_attempts": event.get("attempts", 1)}))
    try:
        answer = getattr(client, event["call"])(**event["arguments"])
    except ClientError as error:
        answer = {"error": error.response["Error"]["Code"], "class": type(error).__name__,
                  "status": error.response["ResponseMetadata"]["HTTPStatusCode"]}
    time.sleep(event.get("rest", 0))
    answer["attempts"] = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0) + 1
    return answer
"""

type Inject = Callable[..., Callable[[], dict[str, Any]]]


def request(sandbox: Sandbox, method: str, body: Any = None) -> tuple[int, Any]:
    status, content = ask(sandbox.endpoint, method, PATH, None if body is None else json.dumps(body))
    return status, json.loads(content) if content else None


@pytest.fixture(autouse=True)
def no_faults(sandbox: Sandbox) -> Iterator[None]:
    """Whatever a test injects ends with it."""
    yield
    assert request(sandbox, "DELETE")[0] == 204


@pytest.fixture
def inject(sandbox: Sandbox) -> Inject:
    """`inject({"kind": ...}, ...)` sets a plan; what it returns answers the report of the first fault."""

    def set_plan(*faults: dict[str, Any], seed: int = 7) -> Callable[[], dict[str, Any]]:
        status, answer = request(sandbox, "PUT", {"seed": seed, "faults": faults})
        assert status == 200, answer
        return lambda: request(sandbox, "GET")[1]["faults"][0]

    return set_plan


@pytest.fixture
def undo() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def queue(aws: Callable[[str], Any], undo: ExitStack) -> str:
    """URL of a queue that is called like no other."""
    url = aws("sqs").create_queue(QueueName=f"faults-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    undo.callback(aws("sqs").delete_queue, QueueUrl=url)
    return url


@pytest.fixture
def table(aws: Callable[[str], Any], undo: ExitStack) -> str:
    """A table whose key is `id`."""
    name = f"faults-{uuid.uuid4().hex[:8]}"
    aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    undo.callback(aws("dynamodb").delete_table, TableName=name)
    return name


@pytest.fixture(scope="module")
def caller(deploy: Callable[..., Any]) -> Any:
    """A function that makes the call which its event describes."""
    return deploy(source=CALLER)


@pytest.fixture
def consumer(aws: Callable[[str], Any]) -> Iterator[Consumer]:
    """A function with a queue as its event source."""
    made = Consumer(aws, visibility=5)
    yield made
    made.remove()


def put(table: str, id: str = "a") -> dict[str, Any]:
    return {"service": "dynamodb", "call": "put_item", "arguments": {"TableName": table, "Item": {"id": {"S": id}}}}


def stored(aws: Callable[[str], Any], table: str) -> set[str]:
    return {item["id"]["S"] for item in aws("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]}


def name_of(queue_url: str) -> str:
    return queue_url.rpartition("/")[2]


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


def rule(aws, undo: ExitStack, queue: str, **settings: Any) -> str:
    """A rule that delivers to the queue."""
    events, name = aws("events"), name_of(queue)
    events.put_rule(Name=name, **settings)
    undo.callback(events.delete_rule, Name=name)
    arn = aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    undo.callback(events.remove_targets, Rule=name, Ids=["queue"])
    return name


def received(aws, queue: str) -> list[dict[str, Any]]:
    """The events in the queue, which is empty afterwards."""
    found, sqs = [], aws("sqs")
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def delivered(aws, queue: str, expected: int) -> set[str]:
    """The detail types of so many events, once they have come."""
    events = []

    def came():
        events.extend(received(aws, queue))
        assert len(events) >= expected

    eventually(came)
    assert len(events) == expected
    return {event["detail-type"] for event in events}


@pytest.mark.docker
@pytest.mark.parametrize(("when", "effect"), [("before", set()), ("during", {"a"}), ("after", {"a"})])
def test_a_process_is_killed_before_during_or_after_its_call(
    aws, inject: Inject, caller, table: str, when: str, effect: set[str]
):
    report = inject({"kind": "kill", "when": when, "function": caller.name, "operation": "PutItem", "count": 1})
    answer = caller.invoke(put(table) | {"rest": 10})
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Runtime.ExitError"
    assert "signal: killed" in answer.payload["errorMessage"]
    assert stored(aws, table) == effect
    assert report()["injected"] == 1
    assert caller.invoke(put(table)).error is None


def test_a_kill_hits_the_function_it_names_only(aws, inject: Inject, caller, table: str):
    report = inject({"kind": "kill", "when": "before", "function": "another-*", "operation": "PutItem"})
    assert caller.invoke(put(table)).error is None
    aws("dynamodb").put_item(TableName=table, Item={"id": {"S": "mine"}})
    assert report()["seen"] == 0


def test_an_invocation_is_killed_on_every_try(inject: Inject, caller, table: str):
    report = inject({"kind": "kill-invocation", "function": caller.name, "milliseconds": 300})
    for _ in range(3):
        assert caller.invoke(put(table) | {"rest": 10}).payload["errorType"] == "Runtime.ExitError"
    assert report()["injected"] == 3


def test_an_invocation_that_was_over_first_was_not_killed(inject: Inject, caller, table: str):
    report = inject({"kind": "kill-invocation", "function": caller.name, "milliseconds": 900_000, "count": 1})
    assert caller.invoke(put(table)).error is None
    assert (report()["seen"], report()["injected"]) == (1, 0)


@pytest.mark.docker
def test_a_frozen_invocation_goes_on_later(inject: Inject, caller, table: str):
    report = inject({"kind": "freeze", "function": caller.name, "seconds": 1.5, "milliseconds": 50})
    before = time.monotonic()
    assert caller.invoke(put(table) | {"rest": 0.3}).error is None
    assert time.monotonic() - before >= 1.5
    assert report()["injected"] == 1


@pytest.mark.real_clock
def test_a_function_frozen_past_its_timeout_is_ended_by_the_timeout(inject: Inject, deploy, table: str):
    function = deploy(source=CALLER, Timeout=1)
    report = inject({"kind": "freeze", "function": function.name, "seconds": 30, "milliseconds": 50})
    answer = function.invoke(put(table) | {"rest": 0.5})
    assert answer.payload["errorType"] == "Sandbox.Timedout"
    assert report()["injected"] == 1


def test_a_message_is_delivered_again_although_it_was_deleted(inject: Inject, consumer: Consumer):
    consumer.map()
    report = inject({"kind": "duplicate-message", "queue": consumer.name})
    consumer.send({"name": "m0"})
    first, second = in_order(consumer.wait_for_names(["m0", "m0"]))
    assert (first["receives"], second["receives"]) == ([1], [2])
    assert second["start"] - first["end"] >= 1
    assert report()["injected"] == 1
    eventually(lambda: empty(consumer))


@pytest.mark.real_clock
def test_a_lost_delete_brings_the_message_back_after_its_visibility_timeout(inject: Inject, consumer: Consumer):
    consumer.map()
    report = inject({"kind": "lost-delete", "queue": consumer.name, "count": 1})
    sent = consumer.clock.now_ms() / 1000
    consumer.send({"name": "m0"})
    first, second = in_order(consumer.wait_for_names(["m0", "m0"]))
    assert (first["receives"], second["receives"]) == ([1], [2])
    assert second["start"] - sent >= 5
    assert report()["injected"] == 1
    eventually(lambda: empty(consumer))


def test_a_late_message_is_not_delivered_before_its_time(inject: Inject, consumer: Consumer):
    consumer.map()
    report = inject({"kind": "late-message", "queue": consumer.name, "seconds": 4, "count": 1})
    sent = consumer.clock.now_ms() / 1000
    consumer.send({"name": "m0"})
    consumer.send({"name": "m1"})
    first, second = in_order(consumer.wait_for_names(["m0", "m1"]))
    assert (first["names"], second["names"]) == (["m1"], ["m0"])
    assert second["start"] - sent >= 4
    assert report()["injected"] == 1


def in_order(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(reports, key=lambda report: report["start"])


def injected(report: Callable[[], dict[str, Any]], times: int) -> None:
    assert report()["injected"] == times


def empty(consumer: Consumer) -> None:
    assert consumer.left() == 0


def test_faults_of_a_function_hit_its_event_source_too(inject: Inject, consumer: Consumer):
    consumer.map()
    report = inject({"kind": "error", "function": consumer.name, "operation": "DeleteMessageBatch", "count": 1})
    consumer.send({"name": "m0"})
    consumer.wait_for_names(["m0", "m0"])
    assert report()["injected"] == 1


def test_an_event_source_that_is_restarted_loses_no_message(inject: Inject, consumer: Consumer):
    consumer.map(ScalingConfig={"MaximumConcurrency": 2})
    report = inject({"kind": "restart-pollers", "queue": consumer.name, "every": 0.1})
    names = [f"m{index}" for index in range(40)]
    consumer.send(*[{"name": name, "seconds": 0.1} for name in names])
    consumer.wait_for_names(names)
    assert report()["injected"] >= 10
    consumer.update("Disabled", Enabled=False)
    restarts = report()["injected"]
    consistently(lambda: injected(report, restarts), during=0.5)
    consumer.update("Enabled", Enabled=True)
    consumer.send({"name": "last"})
    consumer.wait_for_names([*names, "last"])


def test_event_sources_are_restarted_by_the_sandboxs_clock(inject: Inject, consumer: Consumer, clock: Clock):
    consumer.map()
    with clock.real():
        report = inject({"kind": "restart-pollers", "queue": consumer.name, "every": 600, "count": 3})
        clock.advance(2 * 600 + 60)
        assert report()["injected"] == 2
        clock.advance(10 * 600)
        assert report()["injected"] == 3
        assert "pollers are restarted" not in str(clock.show()["next"])


@pytest.mark.parametrize(("kind", "times"), [("drop-event", 0), ("double-event", 2)])
def test_a_rule_delivers_an_event_not_at_all_or_twice(
    aws, inject: Inject, queue: str, undo: ExitStack, kind: str, times: int
):
    name = rule(aws, undo, queue, EventPattern=json.dumps({"source": [name_of(queue)]}))
    report = inject({"kind": kind, "rule": name, "count": 1})
    for detail_type in ("first", "second"):
        aws("events").put_events(Entries=[{"Source": name_of(queue), "DetailType": detail_type, "Detail": "{}"}])

        def hit():
            assert report()["injected"] == 1

        eventually(hit)
    events = []

    def came():
        events.extend(received(aws, queue))
        assert len(events) >= times + 1

    eventually(came)
    consistently(lambda: came_more(aws, queue), during=0.5)
    assert sorted(event["detail-type"] for event in events) == ["first"] * times + ["second"]


def came_more(aws, queue: str) -> None:
    assert received(aws, queue) == []


def test_a_schedule_fires_twice_for_the_same_time(aws, inject: Inject, queue: str, undo: ExitStack):
    name = rule(aws, undo, queue, ScheduleExpression="rate(1 minute)")
    report = inject({"kind": "double-schedule", "rule": name, "count": 1})
    events = []

    def fired():
        # It may have fired before the plan was in force.
        events.extend(received(aws, queue))
        assert 2 in Counter(event["time"] for event in events).values()

    eventually(fired, timeout=150, interval=0.5)
    assert len({event["id"] for event in events}) == len(events)
    assert report()["injected"] == 1


def test_the_same_seed_decides_the_same_and_another_seed_does_not(aws, inject: Inject, queue: str):
    def outcomes(seed: int) -> list[bool]:
        inject({"kind": "partial", "operation": "SendMessageBatch", "probability": 0.5}, seed=seed)
        entries = [{"Id": "a", "MessageBody": "a"}]
        return ["Failed" in aws("sqs").send_message_batch(QueueUrl=queue, Entries=entries) for _ in range(20)]

    assert outcomes(1) == outcomes(1) != outcomes(2)


def test_a_plan_replaces_the_one_before_and_starts_from_zero(sandbox: Sandbox, aws, inject: Inject):
    report = inject(
        {"kind": "error", "service": "sqs", "operation": "ListQueues", "error": "X", "after": 1, "count": 1}
    )
    aws("sqs").list_queues()
    with pytest.raises(ClientError, match="X"):
        aws("sqs").list_queues()
    aws("sqs").list_queues()
    assert (report()["seen"], report()["injected"]) == (3, 1)
    inject({"kind": "delay", "seconds": 0, "service": "none"})
    assert request(sandbox, "GET")[1] == {
        "seed": 7,
        "faults": [{"kind": "delay", "seconds": 0, "service": "none", "seen": 0, "injected": 0}],
        "injected": {"delay": 0},
    }


@pytest.fixture
def waiting_map(aws: Callable[[str], Any], undo: ExitStack) -> Machine:
    """A Distributed Map over two items, each of which waits for five minutes."""
    child = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 300, "End": True}}}
    made = Machine(aws, "STANDARD", [1, 2], child)
    undo.callback(made.remove)
    return made


def test_stale_lists_show_neither_what_began_nor_what_ended_just_now(
    aws, inject: Inject, clock: Clock, waiting_map: Machine
):
    states = aws("stepfunctions")

    def shown() -> tuple[list[str], list[str], list[int]]:
        """The statuses of the executions and of the Map Run's children, and its counts: pending, running, succeeded."""
        executions = states.list_executions(stateMachineArn=waiting_map.arn)["executions"]
        children = states.list_executions(mapRunArn=map_run)["executions"]
        counts = states.describe_map_run(mapRunArn=map_run)["itemCounts"]
        return (
            [each["status"] for each in executions],
            [each["status"] for each in children],
            [counts[name] for name in ("pending", "running", "succeeded")],
        )

    def both_run() -> None:
        assert waiting_map.counts() == {"running": 2, "total": 2}

    with clock.real():
        waiting_map.start()
        eventually(both_run, retry_on=(AssertionError, ClientError))
        map_run = waiting_map.map_run()["mapRunArn"]
        inject({"kind": "stale-list", "service": "stepfunctions", "seconds": 100})
        assert shown() == ([], [], [2, 0, 0])
        assert states.list_map_runs(executionArn=waiting_map.execution)["mapRuns"] == []
        clock.advance(301)
        assert waiting_map.wait()["status"] == "SUCCEEDED"
        assert shown() == (["RUNNING"], ["RUNNING"] * 2, [0, 2, 0])
        assert states.list_executions(mapRunArn=map_run, statusFilter="SUCCEEDED")["executions"] == []
        assert states.describe_map_run(mapRunArn=map_run)["status"] == "RUNNING"
        clock.advance(100)
        assert shown() == (["SUCCEEDED"], ["SUCCEEDED"] * 2, [0, 0, 2])


def test_stale_reads_of_a_table_show_no_late_write_unless_they_are_consistent(
    aws, inject: Inject, clock: Clock, table: str
):
    dynamodb = aws("dynamodb")

    def shown(**how: bool) -> list[str]:
        found = dynamodb.scan(TableName=table, **how)["Items"]
        return sorted(f"{item['id']['S']}{item['n']['N']}" for item in found)

    def add(id: str, number: int) -> None:
        dynamodb.update_item(
            TableName=table,
            Key={"id": {"S": id}},
            UpdateExpression="ADD n :n",
            ExpressionAttributeValues={":n": {"N": str(number)}},
        )

    with clock.real():
        inject({"kind": "stale-list", "service": "dynamodb", "seconds": 60})
        add("a", 1)
        add("b", 1)
        assert (shown(), shown(ConsistentRead=True)) == ([], ["a1", "b1"])
        clock.advance(61)
        add("a", 1)
        dynamodb.delete_item(TableName=table, Key={"id": {"S": "b"}})
        assert (shown(), shown(ConsistentRead=True)) == (["a1", "b1"], ["a2"])
        assert dynamodb.get_item(TableName=table, Key={"id": {"S": "b"}})["Item"]["n"] == {"N": "1"}
        clock.advance(61)
        assert shown() == ["a2"]


def test_a_page_token_expires_by_the_plan_or_after_a_day(
    aws, inject: Inject, sandbox: Sandbox, clock: Clock, undo: ExitStack
):
    made = Machine(aws, "STANDARD", [], {"StartAt": "Only", "States": {"Only": {"Type": "Succeed"}}})
    undo.callback(made.remove)
    made.run()
    made.run()

    def page(**token: str) -> Any:
        return aws("stepfunctions").list_executions(stateMachineArn=made.arn, maxResults=1, **token)

    def refused() -> bool:
        with pytest.raises(ClientError) as caught:
            page(nextToken=token)
        error = caught.value.response
        return (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("InvalidToken", 400)

    with clock.real():
        report = inject({"kind": "expired-token", "operation": "ListExecutions"})
        token = page()["nextToken"]
        assert refused()
        assert report()["injected"] == 1
        request(sandbox, "DELETE")
        clock.advance(23 * 3600)
        assert len(page(nextToken=token)["executions"]) == 1
        clock.advance(2 * 3600)
        assert refused()


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("stepfunctions", "ListStateMachines", "ThrottlingException", 400),
        ("lambda", "ListFunctions", "TooManyRequestsException", 429),
        ("dynamodb", "ListTables", "ThrottlingException", 400),
        ("dynamodb", "Scan", "ProvisionedThroughputExceededException", 400),
        ("sqs", "ListQueues", "RequestThrottled", 400),
        ("events", "ListRules", "ThrottlingException", 400),
        ("s3", "ListBuckets", "SlowDown", 503),
        ("iam", "ListRoles", "Throttling", 400),
    ],
)
def test_a_call_beyond_its_quota_is_refused_as_the_service_refuses_it(
    aws, inject: Inject, table: str, service: str, operation: str, code: str, status: int
):
    client = boto3.client(
        service, endpoint_url=aws(service).meta.endpoint_url, config=Config(retries={"total_max_attempts": 1})
    )
    call = partial(getattr(client, xform_name(operation)), **({"TableName": table} if operation == "Scan" else {}))
    report = inject({"kind": "quota", "service": service, "operation": operation, "per_second": 0, "burst": 2})
    call()
    call()
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert (report()["seen"], report()["injected"]) == (3, 1)


def test_a_quota_refills_so_the_sdks_own_retries_get_over_it(inject: Inject, caller, table: str):
    report = inject({"kind": "quota", "operation": "PutItem", "per_second": 10})
    attempts = [caller.invoke(put(table) | {"attempts": 8}).payload["attempts"] for _ in range(3)]
    assert max(attempts) > 1
    assert report()["injected"] == sum(attempts) - 3


def test_what_a_service_calls_for_its_user_needs_no_token_of_a_quota(
    aws, inject: Inject, consumer: Consumer, undo: ExitStack
):
    def event(name: str) -> dict[str, Any]:
        attributes = {"ApproximateReceiveCount": "1"}
        return {"Records": [{"body": json.dumps({"name": name}), "attributes": attributes, "messageId": "none"}]}

    def invoke() -> None:
        aws("lambda").invoke(FunctionName=consumer.name, Payload=json.dumps(event("by a user")))

    function = f"arn:aws:lambda:us-east-1:000000000000:function:{consumer.name}"
    task = {"Type": "Task", "Resource": function, "Parameters": event("by a state machine"), "End": True}
    made = Machine(aws, "STANDARD", [1, 2], {"StartAt": "Only", "States": {"Only": task}})
    undo.callback(made.remove)
    consumer.map()
    inject({"kind": "quota", "service": "lambda", "operation": "Invoke", "per_second": 0, "burst": 1})
    invoke()
    assert made.run()["status"] == "SUCCEEDED"
    consumer.send({"name": "by an event source"})
    consumer.wait_for_names(["by a state machine"] * 2 + ["by a user", "by an event source"])
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        invoke()


def test_beyond_the_accounts_concurrency_an_invocation_is_refused_and_an_asynchronous_one_comes_later(
    aws, inject: Inject, caller, table: str
):
    functions = aws("lambda")
    report = inject({"kind": "concurrency", "limit": 1})
    assert functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1
    functions.invoke(
        FunctionName=caller.name, InvocationType="Event", Payload=json.dumps(put(table, "first") | {"rest": 3})
    )

    def under_way() -> None:
        assert stored(aws, table) == {"first"}

    eventually(under_way)
    functions.invoke(FunctionName=caller.name, InvocationType="Event", Payload=json.dumps(put(table, "second")))
    with pytest.raises(functions.exceptions.TooManyRequestsException) as caught:
        functions.invoke(FunctionName=caller.name, Payload=json.dumps(put(table, "third")))
    refusal = caught.value.response
    assert (refusal["Reason"], refusal["ResponseMetadata"]["HTTPStatusCode"]) == (
        "ConcurrentInvocationLimitExceeded", 429
    )  # fmt: skip

    def both() -> None:
        assert stored(aws, table) == {"first", "second"}

    eventually(both)
    assert report()["injected"] >= 2
    inject({"kind": "delay", "seconds": 0, "service": "none"})
    assert functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1000


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"faults": [{"kind": "eror"}]}, "faults[0].kind"),
        ({"faults": [{"kind": "error", "colour": "red"}]}, "colour"),
        ({"faults": [{"kind": "delay"}]}, "faults[0].seconds"),
    ],
)
def test_a_bad_plan_is_refused_and_the_one_before_stays(sandbox: Sandbox, inject: Inject, plan: Any, message: str):
    inject({"kind": "delay", "seconds": 0, "service": "none"})
    status, answer = request(sandbox, "PUT", plan)
    assert status == 400
    assert message in answer["message"]
    assert request(sandbox, "GET")[1]["faults"][0]["kind"] == "delay"
