"""The sandbox's clock: what advances with it, in which order, what stays real, and what it refuses."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from bootstrap.problem import Problem
from handlers.core.batch import BatchRequest, Status
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.records import Batch, BatchKey, ChunkKey
from sandbox.host import control
from sandbox.state import Sandbox
from tests.clock import Clock
from tests.e2e.stacks import Stacks
from tests.probes import eventually

pytest_plugins = ["tests.e2e.executor_deploy"]

HOUR, DAY = 3600, 86_400
TIMES = """
import datetime, time

def handler(event, context):
    def seen():
        return {
            "time": time.time(),
            "ns": time.time_ns() / 1e9,
            "realtime": time.clock_gettime(time.CLOCK_REALTIME),
            "now": datetime.datetime.now().timestamp(),
            "utc": datetime.datetime.now(datetime.UTC).timestamp(),
            "utcnow": datetime.datetime.utcnow().replace(tzinfo=datetime.UTC).timestamp(),
            "today": datetime.datetime.today().timestamp(),
            "localtime": time.mktime(time.localtime()) + 0.5,
            "gmtime": time.mktime(time.gmtime()) + 0.5,
            "strftime": float(time.strftime("%s")) + 0.5,
            "ctime": time.mktime(time.strptime(time.ctime())) + 0.5,
            "monotonic": time.monotonic(),
            "remaining": context.get_remaining_time_in_millis() / 1000,
        }

    before = seen()
    time.sleep(event.get("seconds", 0))
    return [before, seen()]
"""


@pytest.fixture(autouse=True)
def only_when_told(clock: Clock) -> Iterator[None]:
    """The clock moves when the test says so."""
    with clock.real():
        yield


@pytest.fixture
def queue(aws: Callable[[str], Any], undo: ExitStack) -> Callable[..., str]:
    """`queue(Attribute=value)` makes a queue; returns its URL."""

    def make(**attributes: str) -> str:
        url = aws("sqs").create_queue(QueueName=f"clock-{uuid.uuid4().hex[:10]}", Attributes=attributes)["QueueUrl"]
        undo.callback(aws("sqs").delete_queue, QueueUrl=url)
        return url

    return make


def arn_of(aws: Callable[[str], Any], url: str) -> str:
    answer = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return answer["Attributes"]["QueueArn"]


def poll(aws: Callable[[str], Any], undo: ExitStack, function: str, url: str, **settings: Any) -> None:
    """Let the function have the messages of the queue, one at a time unless `settings` say otherwise."""
    functions = aws("lambda")
    settings = {"BatchSize": 1, **settings, "FunctionName": function, "EventSourceArn": arn_of(aws, url)}
    mapping = functions.create_event_source_mapping(**settings)
    undo.callback(functions.delete_event_source_mapping, UUID=mapping["UUID"])
    eventually(lambda: expect(functions.get_event_source_mapping(UUID=mapping["UUID"])["State"], "Enabled"))


def bodies(aws: Callable[[str], Any], url: str, **options: Any) -> list[str]:
    """The messages that a queue has; they stay in it."""
    return [message["Body"] for message in received(aws, url, **options)]


def taken(aws: Callable[[str], Any], url: str, **options: Any) -> list[str]:
    """The messages that a queue has, which are deleted."""
    messages = received(aws, url, **options)
    for message in messages:
        aws("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in messages]


def received(aws: Callable[[str], Any], url: str, **options: Any) -> list[dict[str, Any]]:
    return aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, **options).get("Messages", [])


def state_machine(aws: Callable[[str], Any], undo: ExitStack, states: dict[str, Any], **top: Any) -> str:
    """Start an execution of these states; returns its ARN."""
    definition = {"StartAt": next(iter(states)), "States": states, **top}
    name = f"clock-{uuid.uuid4().hex[:10]}"
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    undo.callback(aws("iam").delete_role, RoleName=name)
    made = aws("stepfunctions").create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
    undo.callback(aws("stepfunctions").delete_state_machine, stateMachineArn=made["stateMachineArn"])
    return aws("stepfunctions").start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"]


def execution(aws: Callable[[str], Any], arn: str) -> dict[str, Any]:
    return aws("stepfunctions").describe_execution(executionArn=arn)


def took(found: dict[str, Any]) -> float:
    """Seconds of the clock that an execution took."""
    return (found["stopDate"] - found["startDate"]).total_seconds()


def test_a_message_comes_when_its_delay_and_its_visibility_timeout_are_over(aws, clock: Clock, queue):
    url = queue(VisibilityTimeout="7200")
    aws("sqs").send_message(QueueUrl=url, MessageBody="late", DelaySeconds=900)
    clock.advance(890)
    assert bodies(aws, url) == []
    clock.advance(20)
    assert bodies(aws, url) == ["late"]
    clock.advance(7100)
    assert bodies(aws, url) == []
    clock.advance(200)
    assert bodies(aws, url, VisibilityTimeout=0) == ["late"]


def test_a_queue_loses_its_messages_when_their_retention_period_is_over(aws, clock: Clock, queue):
    kept, lost = queue(MessageRetentionPeriod="1209600"), queue(MessageRetentionPeriod="345600")
    for url in (kept, lost):
        aws("sqs").send_message(QueueUrl=url, MessageBody="old")
    clock.advance(5 * DAY)
    assert (bodies(aws, kept, VisibilityTimeout=0), bodies(aws, lost)) == (["old"], [])


def test_things_happen_in_the_order_in_which_they_are_due(aws, clock: Clock, queue, undo: ExitStack, deploy):
    """Each is seen by a function at its own time: nothing is late because something else was due before."""
    witness, work = queue(), queue(VisibilityTimeout="60")
    source = f"""
import json, time, boto3
def handler(event, context):
    told = [[record["body"], time.time()] for record in event["Records"]]
    boto3.client("sqs").send_message(QueueUrl={witness!r}, MessageBody=json.dumps(told))
"""
    poll(aws, undo, deploy(source=source).name, work)
    send = {"Resource": "arn:aws:states:::sqs:sendMessage", "Type": "Task", "End": True}
    waiting = {"Type": "Wait", "Seconds": 450, "Next": "Send"}
    sending = {**send, "Parameters": {"QueueUrl": work, "MessageBody": "waited"}}
    began = clock.now_ms() / 1000
    arn = state_machine(aws, undo, {"Wait": waiting, "Send": sending})
    for seconds in (600, 300, 900):
        aws("sqs").send_message(QueueUrl=work, MessageBody=f"delayed {seconds}", DelaySeconds=seconds)
    shown = clock.advance(HOUR)
    told = [entry for body in bodies(aws, witness) for entry in json.loads(body)]
    assert [name for name, _ in told] == ["delayed 300", "waited", "delayed 600", "delayed 900"]
    for (_, at), due in zip(told, (300, 450, 600, 900), strict=True):
        assert due <= at - began < due + 60
    assert execution(aws, arn)["status"] == "SUCCEEDED"
    whats = [jump["what"] for jump in shown["jumps"]]
    assert whats[-1] == "the end of the advance"
    assert "a Wait state ends" in whats


def test_a_batching_window_ends_by_the_clock(aws, clock: Clock, queue, undo: ExitStack, deploy):
    witness, work = queue(), queue(VisibilityTimeout="1000")
    source = f"""
import json, time, boto3
def handler(event, context):
    told = [time.time(), *sorted(record["body"] for record in event["Records"])]
    boto3.client("sqs").send_message(QueueUrl={witness!r}, MessageBody=json.dumps(told))
"""
    poll(aws, undo, deploy(source=source).name, work, BatchSize=100, MaximumBatchingWindowInSeconds=300)
    began = clock.now_ms() / 1000
    for seconds in (60, 240, 600):
        aws("sqs").send_message(QueueUrl=work, MessageBody=f"delayed {seconds}", DelaySeconds=seconds)
    clock.advance(HOUR)
    (first, *gathered), (second, *alone) = sorted(json.loads(body) for body in taken(aws, witness))
    assert (gathered, alone) == (["delayed 240", "delayed 60"], ["delayed 600"])
    assert 360 <= first - began < 420
    assert 900 <= second - began < 960


@pytest.mark.parametrize(
    ("states", "top", "status", "seconds"),
    [
        ({"Wait": {"Type": "Wait", "Seconds": 6 * HOUR, "End": True}}, {}, "SUCCEEDED", 6 * HOUR),
        ({"Wait": {"Type": "Wait", "Seconds": 6 * HOUR, "End": True}}, {"TimeoutSeconds": HOUR}, "TIMED_OUT", HOUR),
    ],
)
def test_an_execution_waits_and_times_out_by_the_clock(
    aws, clock: Clock, undo: ExitStack, states, top, status: str, seconds: int
):
    arn = state_machine(aws, undo, states, **top)
    clock.advance(7 * HOUR)
    found = execution(aws, arn)
    assert found["status"] == status
    assert seconds <= took(found) < seconds + 60


def test_who_waits_for_an_execution_goes_on_at_its_end(aws, clock: Clock, undo: ExitStack):
    """Although it looks each half second, in which the clock could jump to its timeout."""
    child = state_machine(aws, undo, {"Wait": {"Type": "Wait", "Seconds": 6 * HOUR, "End": True}})
    parameters = {"StateMachineArn": child.replace(":execution:", ":stateMachine:").rpartition(":")[0]}
    sync = "arn:aws:states:::states:startExecution.sync:2"
    task = {"Type": "Task", "Resource": sync, "Parameters": parameters, "End": True}
    arn = state_machine(aws, undo, {"Call": task}, TimeoutSeconds=6 * HOUR + 30)
    clock.advance(7 * HOUR)
    found = execution(aws, arn)
    assert found["status"] == "SUCCEEDED"
    assert 6 * HOUR <= took(found) < 6 * HOUR + 30


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [({"TimeoutSeconds": 2 * HOUR}, 2 * HOUR), ({"TimeoutSeconds": 2 * HOUR, "HeartbeatSeconds": HOUR}, HOUR)],
)
def test_a_task_without_an_answer_times_out_by_the_clock(aws, clock: Clock, queue, undo: ExitStack, limit, seconds):
    parameters = {"QueueUrl": queue(), "MessageBody": {"token.$": "$$.Task.Token"}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": parameters}
    arn = state_machine(aws, undo, {"Ask": {**task, **limit, "End": True}})
    clock.advance(3 * HOUR)
    found = execution(aws, arn)
    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")
    assert seconds <= took(found) < seconds + 60


def test_a_state_is_tried_again_after_its_intervals_by_the_clock(aws, clock: Clock, undo: ExitStack, deploy):
    function = deploy(source="def handler(event, context): raise ValueError")
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 600, "BackoffRate": 3, "MaxAttempts": 2}]
    parameters = {"FunctionName": function.name}
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters, "Retry": retry}
    arn = state_machine(aws, undo, {"Fail": {**task, "End": True}})
    clock.advance(HOUR)
    found = execution(aws, arn)
    assert found["status"] == "FAILED"
    assert 2400 <= took(found) < 2500


@pytest.mark.docker
def test_functions_see_the_clock_and_not_in_sleep_nor_in_monotonic_time(clock: Clock, deploy):
    function = deploy(source=TIMES, Environment={"Variables": {"TZ": "UTC"}})
    clock.advance(DAY)
    for _ in range(2):  # a cold environment, and a warm one that an advance has passed by
        at = clock.now_ms() / 1000
        [before, after] = function.invoke({"seconds": 0.3}).payload
        assert 0.3 <= after["time"] - before["time"] < 5
        for name in set(before) - {"monotonic", "remaining"}:
            assert -1 < before[name] - at < 20, name
        clock.advance(DAY)


def test_a_running_function_sees_the_jump_and_keeps_its_time(aws, clock: Clock, queue, deploy):
    """Its deadline moves along, and the run time that is reported and billed is the real one."""
    witness = queue()
    begin = f"""
import boto3
from times import handler as look
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl={witness!r}, MessageBody="begun")
    return look(event, context)
"""
    function = deploy(source=begin, files={"times.py": TIMES}, Timeout=30)
    with ThreadPoolExecutor(1) as caller:
        answer = caller.submit(function.invoke, {"seconds": 4})
        assert bodies(aws, witness, WaitTimeSeconds=20) == ["begun"]
        shown = clock.advance(DAY)
        assert shown["running"] == {f"invocation of {function.name}": 1}
    [before, after] = answer.result().payload
    assert DAY < after["time"] - before["time"] < DAY + 20
    ran = after["monotonic"] - before["monotonic"]
    assert 4 <= ran < 20
    assert before["remaining"] - after["remaining"] == pytest.approx(ran, abs=0.2)
    assert 4000 <= float(answer.result().report().split("Duration: ")[1].split(" ms")[0]) < 20_000


def test_what_a_running_function_has_in_hand_is_not_delivered_again_by_an_advance(
    aws, clock: Clock, queue, undo: ExitStack, deploy
):
    witness, work = queue(), queue(VisibilityTimeout="60")
    source = f"""
import time, boto3
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl={witness!r}, MessageBody=event["Records"][0]["body"])
    time.sleep(4)
"""
    function = deploy(source=source)
    poll(aws, undo, function.name, work)
    aws("sqs").send_message(QueueUrl=work, MessageBody="message")
    event = json.dumps({"Records": [{"body": "event"}]})
    aws("lambda").invoke(FunctionName=function.name, InvocationType="Event", Payload=event)
    begun: list[str] = []

    def both_begun() -> None:
        begun.extend(taken(aws, witness))
        assert sorted(begun) == ["event", "message"]

    eventually(both_begun)
    clock.advance(DAY)
    eventually(lambda: expect(clock.show()["running"], {}))
    clock.advance(DAY)
    assert taken(aws, witness) == []


def test_a_schedule_fires_at_its_times_while_it_is_enabled(sandbox: Sandbox, aws, clock: Clock, queue, undo: ExitStack):
    url, name = queue(), f"clock-{uuid.uuid4().hex[:10]}"
    events = aws("events")
    undo.callback(events.delete_rule, Name=name)
    undo.callback(events.remove_targets, Rule=name, Ids=["1"])
    # The sandbox cannot tell when this one fires; the other fires all the same.
    events.put_rule(Name=f"{name}-untold", ScheduleExpression="cron(0 9 15W * ? *)")
    undo.callback(events.delete_rule, Name=f"{name}-untold")

    def fired(expression: str, state: str = "ENABLED") -> list[datetime]:
        """When it fires within a day from the next midnight on."""
        events.put_rule(Name=name, ScheduleExpression=expression, State="DISABLED")
        events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn_of(aws, url)}])
        clock.advance(DAY - clock.now_ms() / 1000 % DAY)
        events.put_rule(Name=name, ScheduleExpression=expression, State=state)
        clock.advance(DAY - 60)
        return sorted(datetime.fromisoformat(json.loads(body)["time"]) for body in taken(aws, url))

    assert [(at.hour, at.minute) for at in fired("cron(30 6,18 * * ? *)")] == [(6, 30), (18, 30)]
    assert [at.hour for at in fired("rate(6 hours)")] == [6, 12, 18]
    assert fired("rate(6 hours)", "DISABLED") == []
    events.enable_rule(Name=name)
    clock.advance(7 * HOUR)
    assert len(taken(aws, url)) == 1
    events.disable_rule(Name=name)
    clock.advance(DAY)
    assert taken(aws, url) == []
    assert f"{name}-untold never fires here" in control.engine_log(sandbox)


@pytest.mark.parametrize("architecture", ["sqs", "sfn"])
def test_a_day_has_its_batches_in_seconds(stacks: Stacks, clock: Clock, undo: ExitStack, architecture: str):
    events, rule = stacks.aws("events"), getattr(stacks, architecture)["ScheduleRuleName"]
    heard = set(stacks.all_published("Batch Finished"))
    events.put_rule(Name=rule, ScheduleExpression="rate(6 hours)", State="ENABLED")
    undo.callback(events.disable_rule, Name=rule)
    began = time.monotonic()
    clock.advance(DAY + HOUR)
    assert time.monotonic() - began < HOUR
    details = [detail for key, detail in stacks.all_published("Batch Finished").items() if key not in heard]
    assert [(detail["status"], detail["items"]) for detail in details] == [("SUCCEEDED", 100)] * 4
    began = [datetime.fromisoformat(detail["startedAt"]).timestamp() for detail in details]
    assert [round((later - first) / HOUR) for first, later in pairwise(sorted(began))] == [6, 6, 6]


def test_a_deadline_of_13_days_passes_in_seconds(stacks: Stacks, clock: Clock, undo: ExitStack):
    """The batch's check lives that long in its queue; here it comes round as seldom as SQS can delay a message."""
    functions, name = stacks.aws("lambda"), stacks.sqs["FinalizerFunctionName"]
    before = functions.get_function_configuration(FunctionName=name)["Environment"]
    seldom = {"Variables": before["Variables"] | {"CHECK_INTERVAL_SECONDS": "43200"}}
    functions.update_function_configuration(FunctionName=name, Environment=seldom)
    undo.callback(functions.update_function_configuration, FunctionName=name, Environment=before)
    key, now = BatchKey(uuid.uuid4().hex), clock.now_ms()
    unfinished = Batch(
        key, Status.OPEN, BatchRequest(items=10), 1, now, now + 13 * DAY * 1000,
        segments=frozenset({0}), segment_length=10, extent=10, expected=10,
    )  # fmt: skip
    stacks.table.create_batch(unfinished)
    stacks.table.put_chunks({ChunkKey(key, 0, 0): 10}, now)  # of which no message tells
    stacks.table.finish_segment(key, 0, items=10, chunks=1, max_items=10)
    stacks.send(stacks.sqs["FinalizerQueueUrl"], FinalizerMessage(key, check=True).body())
    clock.advance(13 * DAY - HOUR)
    assert stacks.published(key.batch_id) == []
    clock.advance(DAY)  # a check that fails once comes again after half of that
    assert stacks.finished(key.batch_id)["status"] == "EXPIRED"


def test_records_expire_when_nothing_needs_them_any_more(stacks: Stacks, clock: Clock):
    batch_id = stacks.start("sqs", items=10, itemsPerChunk=10, deadlineSeconds=60)
    stacks.finished(batch_id)
    clock.advance(59 * DAY)
    assert stacks.table.get_batch(batch_id, 1)
    clock.advance(2 * DAY)
    assert stacks.table.get_batch(batch_id, 1) is None


def test_what_functions_have_logged_is_kept_by_a_long_advance(clock: Clock, deploy):
    function = deploy("who")
    function.invoke()
    clock.advance(20 * DAY)
    assert len([line for stream in function.log_events() for line in stream if line.startswith("REPORT")]) == 1


def test_a_clock_that_skips_goes_on_to_the_next_thing_due(aws, clock: Clock, queue):
    url = queue()
    aws("sqs").send_message(QueueUrl=url, MessageBody="late", DelaySeconds=900)
    before = clock.show()
    clock.skip(True)
    assert bodies(aws, url, WaitTimeSeconds=20) == ["late"]
    clock.skip(False)
    assert clock.show()["offsetSeconds"] - before["offsetSeconds"] > 600  # what real time has passed is no jump


def test_every_jump_is_in_the_engine_log(sandbox: Sandbox, clock: Clock):
    clock.advance(HOUR)
    jump = clock.show()["jumps"][-1]
    assert f"the clock jumps from {jump['from']} to {jump['to']}: the end of the advance" in control.engine_log(sandbox)


@pytest.mark.parametrize("seconds", [0, -1, True, "60", None, 1e9, float("nan")])
def test_an_advance_that_is_none_is_refused(clock: Clock, seconds):
    before = clock.show()["offsetSeconds"]
    with pytest.raises(Problem, match="advanceSeconds is a number above 0"):
        clock.advance(seconds)
    assert clock.show()["offsetSeconds"] == before


def test_one_advance_at_a_time(clock: Clock):
    clock.begin_advance(HOUR)
    with pytest.raises(Problem, match="advancing already"):
        clock.begin_advance(HOUR)
    eventually(lambda: expect(clock.show()["advancing"], None))


def expect(found: object, expected: object) -> None:
    assert found == expected
