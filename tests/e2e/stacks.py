"""Both stacks, deployed once for a whole run with the witness as their work, and what tests ask of them."""

import json
import urllib.request
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bootstrap.aws import session
from bootstrap.deploy import StackOutputs
from bootstrap.destroy import destroy
from handlers.sfn.store import BatchObjects
from handlers.sqs.table import BatchTable
from sandbox.state import Sandbox
from tests.clock import Clock
from tests.e2e.deployed import deploy
from tests.probes import eventually

WITNESS = Path(__file__).with_name("work_under_test.py")
# Delays that a test can wait for. A killed processor's messages come again after 6 x ProcessorTimeout.
QUICK = {
    "FunctionTimeout": "3",
    "ProcessorTimeout": "3",
    "RetryDelaySeconds": "1",
    "CheckIntervalSeconds": "2",
    "StallAfterSeconds": "3",
    "BatchSize": "10",
    "MaxConcurrency": "4",
    "DeadlineSeconds": "300",
    "Items": "100",
    "MaxValue": "0",
    "ChunksPerSegment": "40",
    "Overlap": "skip",
}


class Stacks:
    """`sqs` and `sfn` are the stacks' outputs."""

    def __init__(self, aws: Callable[[str], Any], outputs: dict[str, StackOutputs], suffix: str, results_bucket: str):
        self.aws = aws
        self.results_bucket = results_bucket
        self.sqs = outputs["sqs"].outputs
        self.sfn = outputs["sfn"].outputs
        self.suffix = suffix
        self.clock = Clock(aws("sqs").meta.endpoint_url)
        self.table = BatchTable(aws("dynamodb"), self.sqs["TableName"])
        self._queue_url = ""
        self._received: set[str] = set()
        self._published: dict[tuple[str, str], list[dict]] = defaultdict(list)
        self._finished_once: set[tuple[str, str, int]] = set()

    def start(self, architecture: str, **request: Any) -> str:
        """Start a batch with a request of these fields; returns its id."""
        batch_id = request.setdefault("batchId", f"e2e-{uuid.uuid4().hex[:12]}")
        if architecture == "sqs":
            self.request(request)
        else:
            self.execute(request, name=batch_id)
        return batch_id

    def send(self, queue_url: str, body: object) -> str:
        """Send a message, a text as it is and anything else as JSON; returns its id."""
        text = body if isinstance(body, str) else json.dumps(body)
        return self.aws("sqs").send_message(QueueUrl=queue_url, MessageBody=text)["MessageId"]

    def request(self, event: object, invocation_type: str = "Event") -> str:
        """Invoke the SQS batcher, asynchronously as a request or a schedule does; returns the invocation's id."""
        answer = self.aws("lambda").invoke(
            FunctionName=self.sqs["BatcherFunctionName"],
            InvocationType=invocation_type,
            Payload=json.dumps(event).encode(),
        )
        assert "FunctionError" not in answer
        return answer["ResponseMetadata"]["RequestId"]

    def execute(self, request: object, name: str = "") -> str:
        """Start an execution of the state machine; returns its ARN."""
        return self.aws("stepfunctions").start_execution(
            stateMachineArn=self.sfn["StateMachineArn"], name=name or uuid.uuid4().hex, input=json.dumps(request)
        )["executionArn"]

    @contextmanager
    def edited_definition(self, edit: Callable[[dict], None]) -> Iterator[None]:
        """The state machine's definition is as `edit` has changed it until the end."""
        states, arn = self.aws("stepfunctions"), self.sfn["StateMachineArn"]
        original = states.describe_state_machine(stateMachineArn=arn)["definition"]
        document = json.loads(original)
        edit(document)
        states.update_state_machine(stateMachineArn=arn, definition=json.dumps(document))
        yield
        states.update_state_machine(stateMachineArn=arn, definition=original)

    @contextmanager
    def children(self, kind: str) -> Iterator[None]:
        """The Distributed Map has children of this type until the end."""

        def edit(document: dict) -> None:
            document["States"]["Process chunks"]["ItemProcessor"]["ProcessorConfig"]["ExecutionType"] = kind

        minutes = {} if kind == "EXPRESS" else {"BEGIN_MINUTES": "0"}
        with self.edited_definition(edit), self.batcher_told(minutes):
            yield

    def upload(self, name: str, content: bytes, **about: str) -> dict[str, str]:
        """Put an input object, of which S3 is told more; returns what a request's `input` takes."""
        place = {"bucket": self.sqs["InputBucketName"], "key": f"{self.sqs['InputPrefix']}{uuid.uuid4().hex}/{name}"}
        self.aws("s3").put_object(Bucket=place["bucket"], Key=place["key"], Body=content, **about)
        return place

    def results(self, batch_id: str, generation: int = 1) -> dict[str, Any]:
        """Item id -> what `process` returned, from the objects that the batch's manifest names."""
        s3, manifest_key = self.aws("s3"), f"results/{batch_id}/{generation}/manifest.json"
        manifest = json.load(s3.get_object(Bucket=self.results_bucket, Key=manifest_key)["Body"])
        assert (manifest["batchId"], manifest["generation"], manifest["complete"]) == (batch_id, generation, True)
        found = {}
        for entry in manifest["objects"]:
            body = s3.get_object(Bucket=self.results_bucket, Key=entry["key"])["Body"].read()
            assert len(body) == entry["bytes"]
            found |= {line["id"]: line["result"] for line in map(json.loads, body.splitlines())}
        return found

    def subscribe(self) -> None:
        """Collect every event that Rollcall publishes from now on."""
        sqs, events, name = self.aws("sqs"), self.aws("events"), f"rollcall-e2e-{self.suffix}"
        self._queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name=name, EventPattern=json.dumps({"source": ["rollcall"]}))
        events.put_targets(Rule=name, Targets=[{"Id": "tests", "Arn": arn}])

    def unsubscribe(self) -> None:
        """Remove the subscription."""
        name = f"rollcall-e2e-{self.suffix}"
        self.aws("events").remove_targets(Rule=name, Ids=["tests"])
        self.aws("events").delete_rule(Name=name)
        self.aws("sqs").delete_queue(QueueUrl=self._queue_url)

    def published(self, batch_id: str, detail_type: str = "Batch Finished") -> list[dict]:
        """Details of the batch's events of that kind so far."""
        while messages := self._receive():
            for message in messages:
                # The clock may have skipped a visibility timeout before a message was deleted.
                if message["MessageId"] in self._received:
                    continue
                self._received.add(message["MessageId"])
                event = json.loads(message["Body"])
                self._published[event["detail"]["batchId"], event["detail-type"]].append(event["detail"])
        return self._published[batch_id, detail_type]

    def all_published(self, detail_type: str) -> dict[tuple[str, int], dict]:
        """Details of all events of that kind so far, by batch and place among its events."""
        self.published("")
        return {
            (batch_id, number): detail
            for (batch_id, kind), details in self._published.items()
            if kind == detail_type
            for number, detail in enumerate(details)
        }

    def _receive(self) -> list[dict]:
        sqs = self.aws("sqs")
        messages = sqs.receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10).get("Messages", [])
        if messages:
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
        return messages

    def assert_each_finished_once(self) -> None:
        """No batch of the whole run has a second Batch Finished, but for one for each finalizer that died over it.

        None that `finished` has returned has one at all.
        """
        self.published("")
        told: defaultdict[tuple, list[dict]] = defaultdict(list)
        for (batch_id, kind), details in self._published.items():
            for detail in details if kind == "Batch Finished" else ():
                told[detail["architecture"], batch_id, detail["generation"]].append(detail)
        repeated = {batch: details for batch, details in told.items() if len(details) > 1}
        assert self._finished_once.isdisjoint(repeated), repeated
        assert all(detail == details[0] for details in repeated.values() for detail in details), repeated
        for architecture, outputs in (("sqs", self.sqs), ("sfn", self.sfn)):
            repeats = sum(len(details) - 1 for (name, *_), details in repeated.items() if name == architecture)
            assert repeats <= self.cut_short(outputs["FinalizerFunctionName"]), repeated

    @contextmanager
    def timeout_of(self, function: str, seconds: int, architecture: str = "sfn") -> Iterator[None]:
        """The function (`Batcher`, ...) has so many seconds until the end."""
        outputs = self.sqs if architecture == "sqs" else self.sfn
        functions, name = self.aws("lambda"), outputs[f"{function}FunctionName"]
        before = functions.get_function_configuration(FunctionName=name)["Timeout"]
        functions.update_function_configuration(FunctionName=name, Timeout=seconds)
        try:
            yield
        finally:
            functions.update_function_configuration(FunctionName=name, Timeout=before)

    @contextmanager
    def impatient_batcher(self) -> Iterator[None]:
        """Step Functions' batcher, which has 15 minutes, waits a second for an answer, as the other functions do."""
        with self.batcher_told({"TIMEOUT": QUICK["FunctionTimeout"]}):
            yield

    @contextmanager
    def batcher_told(self, changes: dict[str, str]) -> Iterator[None]:
        """Step Functions' batcher has these environment variables until the end."""
        functions, name = self.aws("lambda"), self.sfn["BatcherFunctionName"]
        before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

        def tell(variables: dict[str, str]) -> None:
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
            functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})

        if changes:
            tell(before | changes)
        try:
            yield
        finally:
            if changes:
                tell(before)

    def cut_short(self, function_name: str) -> int:
        """How many invocations of a function ended by its timeout or with its process."""
        pages = (
            self.aws("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function_name}")
        )
        reports = (event["message"] for page in pages for event in page["events"])
        return sum("Status: timeout" in report or "Error Type: Runtime.ExitError" in report for report in reports)

    def finished(self, batch_id: str, generation: int | None = None) -> dict:
        """Wait for Batch Finished and return its detail. Until the end of the run no second one may follow.

        Of that generation, or of all together.
        """

        def once() -> dict:
            details = [each for each in self.published(batch_id) if generation in (None, each["generation"])]
            assert details, (
                f"{batch_id} has not finished: "
                f"{self.table.get_batch(batch_id, generation or 1) or 'no record in the table'}"
            )
            [detail] = details
            return detail

        detail = eventually(once, timeout=120)
        self._finished_once.add((detail["architecture"], batch_id, detail["generation"]))
        assert detail["items"] == detail["succeeded"] + detail["failed"] + detail["remaining"]
        return detail

    def listed(self, queue_url: str) -> str:
        """Every message of a queue, in flight or not, by the engine's own listing."""
        endpoint = self.aws("sqs").meta.endpoint_url
        with urllib.request.urlopen(f"{endpoint}/_aws/sqs/messages?QueueUrl={queue_url}&ShowInvisible=true") as listing:
            return listing.read().decode()

    def witnessed(self, architecture: str, prefix: str) -> Counter[str]:
        """How often `process` was called for each item whose id begins with `prefix`, by the processors' own log."""
        return Counter(item for item, _ in self._calls(architecture, prefix))

    def _calls(self, architecture: str, prefix: str) -> Iterator[tuple[str, int]]:
        """Each call of `process` for such an item: the item's id, and the time in milliseconds since 1970."""
        outputs = self.sqs if architecture == "sqs" else self.sfn
        pages = self.aws("logs").get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{outputs['ProcessorFunctionName']}", filterPattern=f'"witness {prefix}"'
        )  # fmt: skip
        for event in (event for page in pages for event in page["events"]):
            if event["message"].startswith(f"witness {prefix}"):
                yield event["message"].split()[1], event["timestamp"]

    def log_of(self, architecture: str, function: str, text: str) -> list[str]:
        """The lines of a function's (`Batcher`, ...) log that hold such a text."""
        outputs = self.sqs if architecture == "sqs" else self.sfn
        pages = self.aws("logs").get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{outputs[f'{function}FunctionName']}", filterPattern=f'"{text}"'
        )  # fmt: skip
        return [event["message"] for page in pages for event in page["events"] if text in event["message"]]

    def assert_witnessed(self, architecture: str, prefix: str, expected: dict[str, int]) -> None:
        """`process` was called just so often for each item, and is not called again, whatever time passes."""
        self.pass_time()
        assert self.witnessed(architecture, prefix) == expected

    def assert_untouched_after(self, architecture: str, prefix: str, finished_at: str) -> None:
        """`process` was called for none of the items after this time, and is not called, whatever time passes."""
        self.pass_time()
        latest = max(at for _, at in self._calls(architecture, prefix))
        assert latest <= datetime.fromisoformat(finished_at).timestamp() * 1000

    def pass_time(self) -> None:
        """Do what is due in some hours. Before so long a jump every line is written to the functions' logs.

        A function that runs would be overtaken: its leases would end under it.
        """
        with self.clock.real():
            eventually(self._nothing_runs)
            self.clock.advance(4 * 3600)

    def _nothing_runs(self) -> None:
        assert not self.clock.show()["running"]

    def failures(self, architecture: str, batch_id: str, generation: int = 1) -> list[dict]:
        """The items that were recorded as failed for good."""
        if architecture == "sqs":
            batch = self.table.get_batch(batch_id, generation)
            assert batch
            return list(self.table.failed_items(batch))
        objects = BatchObjects(self.aws("s3"), self.sfn["BatchBucketName"], batch_id, generation)
        return list(objects.failed_items())


def states_of_a_chunk(document: dict) -> dict:
    """The states of a chunk in a definition."""
    child = document["States"]["Process chunks"]["ItemProcessor"]["States"]
    states: dict = child["Its chunks"]["ItemProcessor"]["States"]
    return states


def says(failure: dict) -> str:
    """What a failed item's error says, without the lines of code that follow it."""
    return failure["error"].partition("\n")[0]


def encrypted(aws: Callable[[str], Any], bucket: str) -> str:
    """Make a bucket that a key of its own encrypts; returns the key's ARN."""
    key: str = aws("kms").create_key()["KeyMetadata"]["Arn"]
    by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = [{"ApplyServerSideEncryptionByDefault": by_key, "BucketKeyEnabled": True}]
    aws("s3").create_bucket(Bucket=bucket)
    aws("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})
    return key


@pytest.fixture(scope="session")
def stacks(sandbox: Sandbox, aws: Callable[[str], Any]) -> Iterator[Stacks]:
    """Both stacks under a suffix of their own, removed at the end, when no batch may have finished twice."""
    suffix = f"E2e{uuid.uuid4().hex[:6]}"
    connection = session(sandbox.endpoint)
    parameters = QUICK
    for name in ("Input", "Results"):
        bucket = f"rollcall-{suffix.lower()}-{name.lower()}"
        parameters = parameters | {f"{name}Bucket": bucket, f"{name}KeyArn": encrypted(aws, bucket)}
    outputs = deploy(
        connection,
        parameters=parameters,
        suffix=suffix,
        overlay={"handlers/work.py": WITNESS},
    )
    stacks = Stacks(aws, outputs, suffix, parameters["ResultsBucket"])
    stacks.subscribe()
    yield stacks
    try:
        stacks.assert_each_finished_once()
    finally:
        stacks.unsubscribe()
        destroy(connection, suffix=suffix)


@pytest.fixture(params=["EXPRESS", "STANDARD"])
def both_child_types(stacks: Stacks, request: pytest.FixtureRequest) -> Iterator[None]:
    """The test is run with each type of the Distributed Map's children."""
    with stacks.children(request.param):
        yield


@pytest.fixture(params=["sqs", "sfn EXPRESS", "sfn STANDARD"])
def architecture(stacks: Stacks, request: pytest.FixtureRequest) -> Iterator[str]:
    """The test is run with each architecture, and with each type of the Distributed Map's children."""
    name, _, kind = request.param.partition(" ")
    with stacks.children(kind or "EXPRESS"):
        yield name
