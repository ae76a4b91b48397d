"""Who is told what: alarms and troubled batches by the topic, executions by their log, ends of batches by examples/."""

import io
import json
import re
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from bootstrap.alarm_topic import check_alarm_topic
from bootstrap.aws import session
from bootstrap.deploy import deploy as deploy_stacks
from bootstrap.destroy import destroy
from bootstrap.packaging import ROOT
from bootstrap.parameters import BadParameter
from bootstrap.stacks import find_stack
from rollcall.batches.invocation_errors import ErrorLog
from rollcall.target.connection import Connection
from sandbox.state import Sandbox
from tests.e2e.deployed import deploy
from tests.e2e.stacks import QUICK, WITNESS, Stacks
from tests.faults import Plan
from tests.probes import eventually

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
EAR = "import json\n\ndef handler(event, context):\n    print('heard', json.dumps(event))\n"


class Example:
    """A stack of a template in examples/."""

    def __init__(self, aws: Callable[[str], Any], template: str, **parameters: str):
        self.name = f"{template}-{uuid.uuid4().hex[:6]}"
        self._cloudformation = aws("cloudformation")
        self._cloudformation.create_stack(
            StackName=self.name,
            TemplateBody=(ROOT / "examples" / f"{template}.yaml").read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        self._cloudformation.get_waiter("stack_create_complete").wait(
            StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

    def output(self, key: str) -> str:
        [stack] = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        return next(output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == key)

    def delete(self) -> None:
        self._cloudformation.delete_stack(StackName=self.name)


class Reader:
    """What was published to a topic, by way of a queue of its own."""

    def __init__(self, aws: Callable[[str], Any], topic: str):
        self._sqs = aws("sqs")
        self._queue = self._sqs.create_queue(QueueName=f"told-{uuid.uuid4().hex[:8]}")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self._told: list[dict[str, Any]] = []

    def told(self) -> list[dict[str, Any]]:
        """Every message so far."""
        while found := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                self._told.append(json.loads(json.loads(message["Body"])["Message"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return self._told

    def about(self, batch_id: str) -> list[dict[str, Any]]:
        """The messages about a batch."""
        return [each for each in self.told() if re.search(rf"\b{batch_id}\b", each.get("told", ""))]


@pytest.fixture(scope="module")
def email(sandbox: Sandbox, aws: Callable[[str], Any]) -> Iterator[Example]:
    """A topic with the address of somebody who is told. Nothing is sent to it: that takes a mail server."""
    made = Example(aws, "told-by-email", Email="you@example.com")
    yield made
    made.delete()


@pytest.fixture(scope="module")
def reader(aws: Callable[[str], Any], email: Example) -> Reader:
    return Reader(aws, email.output("TopicArn"))


@pytest.fixture(scope="module")
def watched(sandbox: Sandbox, aws: Callable[[str], Any], email: Example) -> Iterator[Stacks]:
    """Both stacks with alarms, a dashboard and the log of executions."""
    suffix = f"Told{uuid.uuid4().hex[:6]}"
    told = {"AlarmTopicArn": email.output("TopicArn"), "Dashboard": "ENABLED", "StateMachineLogLevel": "ERROR"}
    outputs = deploy(
        session(sandbox.endpoint), parameters=QUICK | told, suffix=suffix, overlay={"handlers/work.py": WITNESS}
    )
    made = Stacks(aws, outputs, suffix, "")
    made.subscribe()
    yield made
    made.unsubscribe()
    destroy(session(sandbox.endpoint), suffix)


def alarms(stacks: Stacks) -> list[dict[str, Any]]:
    """The alarms of both stacks."""
    found = stacks.aws("cloudwatch").describe_alarms()["MetricAlarms"]
    return [alarm for alarm in found if f"BatchProcessing{stacks.suffix}-" in alarm["AlarmName"]]


def test_every_alarm_of_a_deployed_stack_tells_the_topic_the_next_step(watched: Stacks, reader: Reader):
    made = alarms(watched)
    assert len(made) >= 16
    for alarm in made:
        watched.aws("cloudwatch").set_alarm_state(
            AlarmName=alarm["AlarmName"], StateValue="ALARM", StateReason="by the test"
        )

    def all_told():
        told = {each["AlarmName"]: each["AlarmDescription"] for each in reader.told() if "AlarmName" in each}
        assert told == {alarm["AlarmName"]: alarm["AlarmDescription"] for alarm in made}

    eventually(all_told)


def test_every_alarm_watches_a_resource_of_its_stack_that_is_there(watched: Stacks):
    there = {
        "FunctionName": {
            each["FunctionName"] for each in watched.aws("lambda").list_functions(MaxItems=500)["Functions"]
        },
        "QueueName": {url.rsplit("/", 1)[-1] for url in watched.aws("sqs").list_queues()["QueueUrls"]},
        "StateMachineArn": {watched.sfn["StateMachineArn"]},
    }
    for alarm in alarms(watched):
        [dimension] = alarm["Dimensions"]
        assert dimension["Value"] in there[dimension["Name"]], alarm["AlarmName"]


@pytest.fixture(params=["sqs", "sfn"])
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def errors(sandbox: Sandbox, watched: Stacks) -> Callable[[str], set[str]]:
    """The roles of the functions whose invocations ended in an error, which is what AWS's metric `Errors` counts."""
    connection = Connection(session(sandbox.endpoint), watched.suffix, sandbox.endpoint)

    def look(architecture: str) -> set[str]:
        return {error.role for error in ErrorLog(connection, architecture).look("any", 0)}

    return look


def test_no_function_has_an_error_in_a_healthy_batch_nor_does_its_execution_fail(
    watched: Stacks, reader: Reader, errors: Callable[[str], set[str]], architecture: str
):
    before = errors(architecture)
    batch = watched.start(architecture, items=60, itemsPerChunk=5)
    assert watched.finished(batch)["status"] == "SUCCEEDED"
    assert errors(architecture) == before
    if architecture == "sfn":
        eventually(lambda: succeeded(watched, batch))
        assert logged(watched, batch) == []
    told = eventually(lambda: at_least_one(reader.about(batch)))
    assert [each["told"] for each in told] == [f"batch {batch} ended SUCCEEDED"]


def succeeded(stacks: Stacks, execution: str) -> None:
    """Fail unless the execution has succeeded."""
    found = stacks.aws("stepfunctions").list_executions(stateMachineArn=stacks.sfn["StateMachineArn"])["executions"]
    assert [each["status"] for each in found if each["name"] == execution] == ["SUCCEEDED"]


def at_least_one[T](found: list[T]) -> list[T]:
    assert found
    return found


def test_a_function_that_dies_shows_in_the_errors_that_its_alarm_counts(
    watched: Stacks, errors: Callable[[str], set[str]], architecture: str, plan: Plan
):
    died = plan({"kind": "kill", "when": "before", "service": "s3" if architecture == "sfn" else "dynamodb",
                 "function": "*Batcher*", "count": 1})  # fmt: skip
    batch = watched.start(architecture, items=5)
    assert watched.finished(batch)["status"] == "SUCCEEDED"
    assert died() == 1
    eventually(lambda: at_least_one([role for role in errors(architecture) if role == f"{architecture}.batcher"]))


def test_a_batch_that_ends_failed_is_told_with_the_next_step(watched: Stacks, reader: Reader, architecture: str):
    batch = watched.start(architecture, items=6, itemsPerChunk=3, failRate=1, maxAttempts=1)
    detail = watched.finished(batch)
    assert detail["status"] == "FAILED"

    def told() -> list[dict[str, Any]]:
        found = reader.about(batch)
        assert len(found) == 2
        return found

    by_the_alarms, by_the_example = (
        {"told": f"batch {batch} ended FAILED", "next": command, "detail": detail}
        for command in (f"rollcall failures {batch} --aws", f"rollcall status {batch} --aws")
    )
    assert sorted(eventually(told), key=lambda each: each["next"]) == [by_the_alarms, by_the_example]


def test_a_batch_in_which_nothing_moves_is_told_with_what_is_missing(watched: Stacks, reader: Reader):
    functions, processor = watched.aws("lambda"), watched.sqs["ProcessorFunctionName"]
    [source] = functions.list_event_source_mappings(FunctionName=processor)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=source["UUID"], Enabled=False)
    try:
        batch = watched.start("sqs", items=10, itemsPerChunk=5)
        told = eventually(lambda: at_least_one(reader.about(batch)))
    finally:
        functions.update_event_source_mapping(UUID=source["UUID"], Enabled=True)
    assert told[0]["told"] == f"nothing moves in batch {batch}"
    assert told[0]["detail"] == watched.published(batch, "Batch Stalled")[0]
    assert watched.finished(batch)["status"] == "SUCCEEDED"


def logged(stacks: Stacks, execution: str) -> list[dict[str, Any]]:
    """The events of an execution, or of its children, that Step Functions has logged."""
    group = f"/aws/vendedlogs/states/SfnBatchProcessing{stacks.suffix}"
    pages = stacks.aws("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    found = [event["message"] for page in pages for event in page["events"] if event["message"]]
    return [json.loads(message) for message in found if execution in message]


def test_a_state_that_fails_is_logged_without_its_data(watched: Stacks, plan: Plan):
    died = plan({"kind": "kill", "when": "before", "service": "s3", "function": "*Batcher*", "count": 1})
    batch = watched.start("sfn", items=5)
    assert watched.finished(batch)["status"] == "SUCCEEDED"
    assert died() == 1
    events = eventually(lambda: at_least_one(logged(watched, batch)))
    assert "TaskFailed" in {event["type"] for event in events}
    assert not [
        event for event in events if "input" in event.get("details", {}) or "output" in event.get("details", {})
    ]


def test_the_log_of_executions_goes_off_again_without_a_new_state_machine(sandbox: Sandbox, watched: Stacks):
    machine = watched.sfn["StateMachineArn"]

    def level() -> str:
        found = watched.aws("stepfunctions").describe_state_machine(stateMachineArn=machine)
        return str(found["loggingConfiguration"]["level"])

    assert level() == "ERROR"
    made = deploy(session(sandbox.endpoint), ("sfn",), QUICK, watched.suffix, overlay={"handlers/work.py": WITNESS})
    assert (made["sfn"].change, made["sfn"].outputs["StateMachineArn"], level()) == ("updated", machine, "OFF")


@contextmanager
def chat() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook on this machine: its address, and what was posted to it."""
    posted: list[dict[str, Any]] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Webhook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/services/secret", posted
        server.shutdown()


@contextmanager
def example(aws: Callable[[str], Any], template: str, **parameters: str) -> Iterator[Example]:
    made = Example(aws, template, **parameters)
    yield made
    made.delete()


def test_a_chat_gets_a_line_about_a_batch(watched: Stacks, engine: str):
    if engine == "docker":
        pytest.skip("the container's loopback is another than this process's")
    with chat() as (address, posted), example(watched.aws, "told-in-chat", WebhookUrl=address) as made:
        batch = watched.start("sqs", items=5)
        seconds = watched.finished(batch)["durationSeconds"]
        [line] = eventually(lambda: at_least_one([each for each in posted if batch in each["text"]]))
        ended = f"Rollcall: {batch} ended SUCCEEDED after {seconds} s"
        assert line == {"text": f"{ended}: 5 items, 0 failed, 0 remaining."}
        assert "<Body>" not in watched.listed(made.output("NotToldQueueUrl"))


def test_a_queue_keeps_the_event_of_a_batch_of_a_wanted_status_only(watched: Stacks):
    with example(watched.aws, "told-to-queue", Statuses="FAILED,EXPIRED") as made:
        good, bad = watched.start("sqs", items=5), watched.start("sqs", items=5, failRate=1, maxAttempts=1)
        details = {batch: watched.finished(batch) for batch in (good, bad)}

        def kept() -> list[dict[str, Any]]:
            found = watched.aws("sqs").receive_message(QueueUrl=made.output("QueueUrl"), MaxNumberOfMessages=10)
            return at_least_one(found.get("Messages", []))

        [message] = eventually(kept)
        assert json.loads(message["Body"])["detail"] == details[bad]


def test_another_function_is_invoked_with_the_event_of_a_batch(watched: Stacks):
    name = f"ear-{uuid.uuid4().hex[:6]}"
    role = watched.aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("ear.py", EAR)
    arn = watched.aws("lambda").create_function(
        FunctionName=name, Runtime="python3.13", Role=role, Handler="ear.handler", Code={"ZipFile": code.getvalue()}
    )["FunctionArn"]
    watched.aws("lambda").get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    with example(watched.aws, "told-to-function", FunctionArn=arn):
        batch = watched.start("sqs", items=5)
        detail = watched.finished(batch)

        def heard() -> dict[str, Any]:
            pages = watched.aws("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
            [line] = [
                event["message"]
                for event in pages
                if event["message"].startswith("heard") and batch in event["message"]
            ]
            return dict(json.loads(line.removeprefix("heard ")))

        retry = (ValueError, watched.aws("logs").exceptions.ResourceNotFoundException)
        assert eventually(heard, retry_on=retry)["detail"] == detail
    watched.aws("lambda").delete_function(FunctionName=name)
    watched.aws("iam").delete_role(RoleName=name)


def test_a_topic_that_is_missing_elsewhere_or_closed_is_refused_before_anything_is_deployed(
    sandbox: Sandbox, aws: Callable[[str], Any]
):
    connection = session(sandbox.endpoint)
    closed = aws("sns").create_topic(Name=f"closed-{uuid.uuid4().hex[:6]}")["TopicArn"]
    wrong = {
        f"{closed}-not": "Topic does not exist. Create it first",
        closed.replace("us-east-1", "eu-west-1"): "it is in eu-west-1, and the stacks are in us-east-1",
    }
    for topic, said in wrong.items():
        with pytest.raises(BadParameter, match=f"AlarmTopicArn={topic}: {said}"):
            check_alarm_topic(connection, {"AlarmTopicArn": topic})
    with pytest.raises(BadParameter, match=r"its policy does not let events.amazonaws.com publish"):
        deploy_stacks(connection, ("sqs",), {"AlarmTopicArn": closed}, "Refused")
    assert not find_stack(aws("cloudformation"), "SqsBatchProcessingRefused")
    aws("sns").delete_topic(TopicArn=closed)
