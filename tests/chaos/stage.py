"""Where chaos happens: stacks with the witness in their code, queues that hear their events, what is asked of them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from botocore.config import Config

from bootstrap.aws import session
from bootstrap.destroy import destroy
from handlers.sfn.store import BatchObjects
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.records import BatchKey
from handlers.sqs.table import BatchTable
from tests.chaos.batches import Scope, Spec
from tests.chaos.ear import Ear
from tests.chaos.evidence import Line, Log
from tests.chaos.overlay import around_the_handlers, witness
from tests.chaos.plans import Names
from tests.clock import Clock
from tests.e2e.deployed import deploy

FUNCTION_TIMEOUT = 3
# Plans fail a tenth of all calls of functions, those from here among them. Who asks for a batch asks until it is taken.
PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 12})
PARAMETERS = {
    "FunctionTimeout": str(FUNCTION_TIMEOUT),
    "ProcessorTimeout": str(FUNCTION_TIMEOUT),
    "RetryDelaySeconds": "1",
    "CheckIntervalSeconds": "4",
    "StallAfterSeconds": "10",
    "BatchSize": "3",
    "MaxConcurrency": "4",
    "ChunksPerSegment": "5",
    "DeadlineSeconds": "60",
}


class Stage:
    """Both stacks under a suffix of their own, with the witness around the handlers; removed at the end of its context.

    `aws("sqs")` is boto3's client for that service, `folder` keeps the log. `grace_seconds`: how long after its
    deadline a batch may take to end: a finalizer that dies has its check message come again after 6 function timeouts,
    and a plan lets a few of them die; a processor's lease outlives it by 5 seconds; EXPRESS children outlive their
    execution by 5 minutes. `start_seconds`: how long a batch may take to begin, from where its deadline counts. Lambda
    tries a batcher that has died before it wrote the batch's record again, after one minute and after two.
    """

    scope = Scope(("sqs", "sfn"), deadline=45, early_ends=True, redrives=True, mistakes=True)
    grace_seconds: Mapping[str, int] = {"sqs": 90, "sfn": 90 + 300}
    start_seconds: Mapping[str, int] = {"sqs": 180, "sfn": 0}
    handlers: Mapping[str, Path] = around_the_handlers()

    def __init__(self, endpoint: str, folder: Path, suffix: str):
        self.session = session(endpoint)
        self.clock = Clock(endpoint)
        self.clients: dict[str, Any] = {}
        self.suffix = suffix
        self.log = Log(folder / "witness.jsonl")
        self.overlay = {**self.handlers, **witness(self.log.path, folder)}
        finished = {"source": ["rollcall"], "detail-type": ["Batch Finished"]}
        self.observer = Ear(self.aws, f"chaos-observer-{suffix}", finished)
        self.consumer = Ear(self.aws, f"chaos-consumer-{suffix}", finished)
        self.names = Names(suffix, self.consumer.name, self.scope.architectures)
        self.executions: dict[str, list[str]] = defaultdict(list)
        self.hurried = False
        self.deployed_deadline: int | None = None

    def aws(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.session.client(service, config=PATIENT)
        return self.clients[service]

    def __enter__(self) -> "Stage":
        stacks = deploy(
            self.session, self.scope.architectures, parameters=PARAMETERS, suffix=self.suffix, overlay=self.overlay
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
        destroy(self.session, self.suffix, self.scope.architectures)

    def group(self, chunks_per_child: int, hurried: bool) -> None:
        """Have batches that start from now on group their chunks so; `hurried`: minutes of a child are seconds."""
        if "sfn" not in self.outputs:
            return
        functions, name = self.aws("lambda"), self.outputs["sfn"]["BatcherFunctionName"]
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables["CHUNKS_PER_CHILD"] = str(chunks_per_child)
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
        if hurried != self.hurried:
            text, minute, second = json.dumps(self.definition), "':'), 1)", "':.'), 2)"
            self.definition = json.loads(text.replace(*((minute, second) if hurried else (second, minute))))
            self.hurried = hurried
            # So that the next execution has it.
            self.deployed_deadline = None

    def look(self) -> tuple[list[Line], bool]:
        """Take in what was published and witnessed; returns the new lines, and whether the observer was rung."""
        rang = self.observer.listen()
        return self.log.read_on(), rang

    def start(self, spec: Spec) -> None:
        """Put the input object of a batch, if it has one, and send its request. May be repeated."""
        bucket = next(iter(self.outputs.values()))["InputBucketName"]
        if spec.source != "random":
            self.aws("s3").put_object(Bucket=bucket, Key=spec.key, Body=spec.content())
        self._request(spec, spec.request(bucket))

    def redrive(self, spec: Spec) -> None:
        """Run what failed or was left over of a batch that has ended, as its second generation."""
        self._request(spec, {"redrive": {"batchId": spec.batch_id, "generation": 1}})

    def _request(self, spec: Spec, request: dict[str, Any]) -> None:
        if spec.architecture == "sqs":
            self.invoke(self.outputs["sqs"]["BatcherFunctionName"], request)
        else:
            self._execute(spec, request)

    def send(self, url: str, body: str) -> None:
        self.aws("sqs").send_message(QueueUrl=url, MessageBody=body)

    def invoke(self, function: str, event: dict[str, Any]) -> None:
        """Asynchronously."""
        payload = json.dumps(event).encode()
        self.aws("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=payload)

    def _execute(self, spec: Spec, request: dict[str, Any]) -> None:
        """An execution's deadline is its state machine's, as that is when it starts."""
        states, arn = self.aws("stepfunctions"), self.outputs["sfn"]["StateMachineArn"]
        if self.deployed_deadline != spec.deadline_seconds:
            self.deployed_deadline = self.definition["TimeoutSeconds"] = spec.deadline_seconds
            states.update_state_machine(stateMachineArn=arn, definition=json.dumps(self.definition))
        name = f"{spec.batch_id}-{len(self.executions[spec.batch_id])}"
        started = states.start_execution(stateMachineArn=arn, name=name, input=json.dumps(request))
        self.executions[spec.batch_id].append(started["executionArn"])

    def cancel(self, spec: Spec) -> bool:
        """As an operator would; false if there is no such batch yet, or none that still runs."""
        if spec.architecture == "sqs":
            key = BatchKey(spec.batch_id)
            taken = self.table.cancel(key, self.clock.now_ms())
            if taken:
                self.send(self.outputs["sqs"]["FinalizerQueueUrl"], FinalizerMessage(key, check=False).body())
            return taken
        for arn in self.executions[spec.batch_id]:
            self.aws("stepfunctions").stop_execution(executionArn=arn, error="Cancelled", cause="by the chaos run")
        return True

    def sweep(self) -> None:
        """What the stack's hourly schedule does, which nobody wants to wait for."""
        outputs = self.outputs["sfn"]
        self.send(outputs["FinalizerQueueUrl"], json.dumps({"sweep": outputs["StateMachineArn"]}))

    def failed_items(self, spec: Spec, generation: int) -> frozenset[str]:
        """The ids of the items that are listed as failed."""
        if spec.architecture == "sfn":
            return ids(self.objects(spec, generation).failed_items())
        batch = self.table.get_batch(spec.batch_id, generation)
        return ids(self.table.failed_items(batch)) if batch else frozenset()

    def objects(self, spec: Spec, generation: int) -> BatchObjects:
        return BatchObjects(self.aws("s3"), self.outputs["sfn"]["BatchBucketName"], spec.batch_id, generation)

    def read_whole(self, spec: Spec, detail: Mapping[str, Any]) -> bool:
        """Whether the batch, which ended with this event, knows how many items its input has."""
        if spec.source == "random":
            return True
        if spec.architecture == "sfn":
            return self.objects(spec, detail["generation"]).find_made() is not None
        reason = detail["reason"] or ""
        return not any(
            words in reason for words in ("not read to the end", "its counts are not known", "by its request")
        )

    def queued(self) -> int:
        """How many messages the stacks' queues hold, in flight or not."""
        names = ("ChunkQueueUrl", "FinalizerQueueUrl")
        urls = [outputs[name] for outputs in self.outputs.values() for name in names if name in outputs]
        attributes = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
        answers = [self.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=attributes) for url in urls]
        return sum(int(count) for answer in answers for count in answer["Attributes"].values())


def ids(failures: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The ids of failed items."""
    return frozenset(failure["item"]["id"] for failure in failures)
