"""Where chaos happens: stacks with the witness in their code, queues that hear their events, what is asked of them."""

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from bootstrap.aws import session
from bootstrap.deploy import deploy
from bootstrap.destroy import destroy
from handlers.sfn.objects import BatchObjects
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.records import BatchKey
from handlers.sqs.table import BatchTable
from tests.chaos.batches import Spec
from tests.chaos.evidence import Announcement, Log
from tests.chaos.plans import Names

FUNCTION_TIMEOUT = 3
PARAMETERS = {
    "FunctionTimeout": str(FUNCTION_TIMEOUT),
    "RetryDelaySeconds": "1",
    "CheckIntervalSeconds": "2",
    "StallAfterSeconds": "10",
    "BatchSize": "3",
    "MaxConcurrency": "4",
    "ChunksPerSegment": "5",
    "DeadlineSeconds": "60",
}
HANDLERS = Path(__file__).resolve().parents[2] / "handlers"
WITNESS = Path(__file__).with_name("witness")
# Module of handlers/ -> what takes its place and finds it as <module>_itself.
WATCHED = {
    "events": "events",
    "sqs/table": "sqs_table",
    "sqs/processor": "sqs_processor",
    "sfn/objects": "sfn_objects",
    "sfn/processor": "sfn_processor",
}


def around_the_handlers() -> dict[str, Path]:
    """The overlay that puts the witness around Rollcall's own handlers."""
    overlay = {f"handlers/{module}.py": WITNESS / f"{watcher}.py" for module, watcher in WATCHED.items()}
    return overlay | {f"handlers/{module}_itself.py": HANDLERS / f"{module}.py" for module in WATCHED}


def witness(file: Path, folder: Path) -> dict[str, Path]:
    """The overlay of what every variant has: the work that is watched, and the log, written to `file`."""
    place = folder / "witness_file"
    place.write_text(str(file))
    file.touch()
    return {
        "handlers/work.py": WITNESS / "work.py",
        "handlers/witness.py": WITNESS / "log.py",
        "handlers/witness_file": place,
    }


@dataclass
class Ear:
    """A queue with a rule that brings it events of Rollcall. `heard`: what it got, by batch and generation."""

    aws: Any
    name: str
    pattern: dict[str, Any]
    url: str = ""
    heard: dict[tuple[str, int], list[Announcement]] = field(default_factory=lambda: defaultdict(list))

    def open(self) -> None:
        sqs, events = self.aws("sqs"), self.aws("events")
        self.url = sqs.create_queue(QueueName=self.name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name=self.name, EventPattern=json.dumps(self.pattern))
        events.put_targets(Rule=self.name, Targets=[{"Id": "chaos", "Arn": arn}])

    def close(self) -> None:
        self.aws("events").remove_targets(Rule=self.name, Ids=["chaos"])
        self.aws("events").delete_rule(Name=self.name)
        self.aws("sqs").delete_queue(QueueUrl=self.url)

    def listen(self, seconds: int) -> None:
        """Take in what has come, waiting up to `seconds` for the first."""
        sqs = self.aws("sqs")
        request = {"QueueUrl": self.url, "MaxNumberOfMessages": 10, "AttributeNames": ["SentTimestamp"]}
        while messages := sqs.receive_message(**request, WaitTimeSeconds=seconds).get("Messages"):
            for message in messages:
                detail = json.loads(message["Body"])["detail"]
                announcement = Announcement(int(message["Attributes"]["SentTimestamp"]), detail)
                self.heard[detail["batchId"], detail["generation"]].append(announcement)
            entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
            sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
            seconds = 0


class Stage:
    """Stacks of `architectures`, removed at the end of its context; `overlay` says what their handlers are.

    `aws("sqs")` is boto3's client for that service, `folder` keeps the witness's log.
    """

    def __init__(
        self, endpoint: str, folder: Path, suffix: str, architectures: tuple[str, ...], overlay: Mapping[str, Path]
    ):
        self.session = session(endpoint)
        self.clients: dict[str, Any] = {}
        self.suffix = suffix
        self.architectures = architectures
        self.log = Log(folder / "witness.jsonl")
        self.overlay = {**overlay, **witness(self.log.path, folder)}
        finished = {"source": ["rollcall"], "detail-type": ["Batch Finished"]}
        self.observer = Ear(self.aws, f"chaos-observer-{suffix}", finished)
        self.consumer = Ear(self.aws, f"chaos-consumer-{suffix}", finished)
        self.names = Names(suffix, self.consumer.name, architectures)
        self.executions: dict[str, list[str]] = defaultdict(list)

    def aws(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.session.client(service)
        return self.clients[service]

    def __enter__(self) -> "Stage":
        stacks = deploy(
            self.session, self.architectures, parameters=PARAMETERS, suffix=self.suffix, overlay=self.overlay
        )
        self.outputs = {architecture: stack.outputs for architecture, stack in stacks.items()}
        if "sqs" in self.outputs:
            self.table = BatchTable(self.aws("dynamodb"), self.outputs["sqs"]["TableName"])
        if "sfn" in self.outputs:
            arn = self.outputs["sfn"]["StateMachineArn"]
            answer = self.aws("stepfunctions").describe_state_machine(stateMachineArn=arn)
            self.definition = json.loads(answer["definition"])
        self.observer.open()
        self.consumer.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.observer.close()
        self.consumer.close()
        destroy(self.session, self.suffix, self.architectures)

    def start(self, spec: Spec) -> None:
        """Send the request of a batch, whose input object is there if it has one. May be repeated."""
        bucket = next(iter(self.outputs.values()))["InputBucketName"]
        request = spec.request(bucket)
        if spec.source != "random":
            self.aws("s3").put_object(Bucket=bucket, Key=spec.key, Body=spec.content())
        if spec.architecture == "sqs":
            self.send(self.outputs["sqs"]["BatcherQueueUrl"], json.dumps(request))
        else:
            self._execute(spec, request)

    def send(self, url: str, body: str) -> None:
        self.aws("sqs").send_message(QueueUrl=url, MessageBody=body)

    def _execute(self, spec: Spec, request: dict[str, Any]) -> None:
        """An execution's deadline is its state machine's, as that is when it starts."""
        states, arn = self.aws("stepfunctions"), self.outputs["sfn"]["StateMachineArn"]
        definition = json.dumps(self.definition | {"TimeoutSeconds": spec.deadline_seconds})
        states.update_state_machine(stateMachineArn=arn, definition=definition)
        name = f"{spec.batch_id}-{len(self.executions[spec.batch_id])}"
        started = states.start_execution(stateMachineArn=arn, name=name, input=json.dumps(request))
        self.executions[spec.batch_id].append(started["executionArn"])

    def cancel(self, spec: Spec) -> bool:
        """As an operator would; false if there is no such batch yet, or none that still runs."""
        if spec.architecture == "sqs":
            key = BatchKey(spec.batch_id)
            taken = self.table.cancel(key, time.time_ns() // 1_000_000)
            if taken:
                self.send(self.outputs["sqs"]["FinalizerQueueUrl"], FinalizerMessage(key, check=False).body())
            return taken
        for arn in self.executions[spec.batch_id]:
            self.aws("stepfunctions").stop_execution(executionArn=arn, error="Cancelled", cause="by the chaos run")
        return True

    def sweep(self) -> None:
        """What the stack's hourly schedule does, which nobody wants to wait for. Under faults it may fail."""
        payload = json.dumps({"sweep": True, "stateMachineArn": self.outputs["sfn"]["StateMachineArn"]})
        try:
            self.aws("lambda").invoke(
                FunctionName=self.outputs["sfn"]["FinalizerFunctionName"], InvocationType="Event", Payload=payload
            )
        except ClientError as fault:
            if fault.response["Error"]["Code"] != "ServiceException":
                raise

    def failed_items(self, spec: Spec) -> frozenset[str]:
        """The ids of the items that are listed as failed."""
        if spec.architecture == "sfn":
            found = self.objects(spec).failed_items()
        else:
            batch = self.table.get_batch(spec.batch_id)
            found = self.table.failed_items(batch) if batch else iter(())
        return frozenset(failure["item"]["id"] for failure in found)

    def objects(self, spec: Spec) -> BatchObjects:
        return BatchObjects(self.aws("s3"), self.outputs["sfn"]["BatchBucketName"], spec.batch_id)

    def read_whole(self, spec: Spec, detail: Mapping[str, Any]) -> bool:
        """Whether the batch, which ended with this event, knows how many items its input has."""
        if spec.source == "random":
            return True
        if spec.architecture == "sfn":
            return self.objects(spec).find_made() is not None
        return "not read to the end" not in (detail["reason"] or "")

    def queued(self) -> int:
        """How many messages the stack's queues hold, in flight or not."""
        names = ("BatcherQueueUrl", "ChunkQueueUrl", "FinalizerQueueUrl")
        counts = ["", "NotVisible", "Delayed"]
        attributes = [f"ApproximateNumberOfMessages{count}" for count in counts]
        total = 0
        for url in [self.outputs["sqs"][name] for name in names] if "sqs" in self.outputs else []:
            answer = self.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=attributes)
            total += sum(int(answer["Attributes"][name]) for name in attributes)
        return total
