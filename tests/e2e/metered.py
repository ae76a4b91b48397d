"""Batches of a grid of settings, run on stacks of their own and metered once everything of them is over."""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from bootstrap.aws import session
from bootstrap.deploy import StackOutputs
from bootstrap.destroy import destroy
from bootstrap.stacks import SANDBOX_PARAMETERS
from costs.plan.distribution import Distribution
from costs.plan.settings import Settings, Workload
from handlers.core.items import checked
from handlers.sfn.store import BatchObjects
from handlers.sqs.table import BatchTable
from rollcall.target.meter_client import fetch_meter
from tests.e2e.deployed import deploy
from tests.e2e.stacks import QUICK
from tests.probes import eventually

type Row = Mapping[str, Any]

COMMON = QUICK | {
    # As by default on AWS: dozens of environments start at once here, and none may be cut short and tried again.
    "FunctionTimeout": "60",
    "ProcessorTimeout": "60",
    "CheckIntervalSeconds": "1",
    "StallAfterSeconds": "60",
    "Overlap": "allow",
}
# Each its own stack: batches that share one would share invocations, which the meter splits evenly.
LANES = {
    "ten": ("sqs", COMMON),
    "three": (
        "sqs",
        COMMON | {"BatchSize": "3", "MaxConcurrency": "2", "ChunksPerSegment": "400", "ProcessorMemory": "512"},
    ),
    # As on AWS the check message waits for longer than a batch takes. Here the clock skips that.
    "hand": ("sqs", COMMON | {"CheckIntervalSeconds": "300", "DeadlineSeconds": "21600"}),
    "map": ("sfn", COMMON | {"MaxConcurrency": "8", "ChildType": "STANDARD"}),
    # MaxConcurrency decides how many chunks a child has: as on AWS by default.
    "express": ("sfn", COMMON | {"MaxConcurrency": "10", "ChildType": "EXPRESS"}),
    "standard": ("sfn", COMMON | {"MaxConcurrency": "10", "ChildType": "STANDARD"}),
}
# Step Functions' batches share nothing, so that some may run at a time.
AT_ONCE = {"sqs": 1, "sfn": 3}


@dataclass(frozen=True)
class Case:
    """A batch: what its request varies, and the lane on whose stack it runs.

    `most_value` is the greatest value of a random item, in milliseconds. With `item_bytes` the items are as long, from
    a JSON Lines object.
    """

    lane: str
    items: int
    per_chunk: int
    most_value: int = 0
    slots: int = 10
    attempts: int = 3
    fail_rate: float = 0.0
    item_bytes: int | None = None

    @property
    def architecture(self) -> str:
        return LANES[self.lane][0]

    @property
    def name(self) -> str:
        """As the test's id."""
        parts = [self.lane, str(self.items), f"by{self.per_chunk}"]
        if self.item_bytes:
            parts.append(f"{self.item_bytes}bytes")
        if self.most_value:
            parts.append(f"{self.most_value}ms-{self.slots}slots")
        if self.fail_rate:
            parts.append(f"fail{self.fail_rate:g}-{self.attempts}tries")
        return "-".join(parts)

    @property
    def workload(self) -> Workload:
        """What is planned."""
        kind = (
            f"uniform:0-{self.most_value}" if self.most_value and not self.item_bytes else f"constant:{self.most_value}"
        )
        return Workload(
            items=self.items, values=Distribution.parse(kind), item_bytes=self.item_bytes, fail_rate=self.fail_rate
        )

    @property
    def settings(self) -> Settings:
        """What is planned: the lane's stack, and the request."""
        parameters = LANES[self.lane][1]
        return replace(
            Settings(),
            items_per_chunk=self.per_chunk,
            batch_size=int(parameters["BatchSize"]),
            item_concurrency=self.slots,
            processor_memory=int(parameters.get("ProcessorMemory", Settings().processor_memory)),
            max_concurrency=int(parameters["MaxConcurrency"]),
            child_type="STANDARD",
            chunks_per_segment=int(parameters["ChunksPerSegment"]),
            max_attempts=self.attempts,
            retry_delay_seconds=int(parameters["RetryDelaySeconds"]),
            processor_timeout=int(parameters["ProcessorTimeout"]),
            function_timeout=int(parameters["FunctionTimeout"]),
            check_interval_seconds=int(parameters["CheckIntervalSeconds"]),
            deadline_seconds=int(parameters["DeadlineSeconds"]),
            cpu_architecture=SANDBOX_PARAMETERS["CpuArchitecture"],
        )


@dataclass(frozen=True)
class Metered:
    """A batch that is over: what it was, and the meter's rows of it as they are now."""

    case: Case
    batch_id: str
    seconds: float
    endpoint: str
    stack: str

    def rows(self) -> list[Row]:
        """What was counted for the batch in its stack, but for what the test itself called."""
        rows = fetch_meter(self.endpoint, self.batch_id)["rows"]
        return [row for row in rows if row["stack"] == self.stack and row["by"] != "client"]


class Grid:
    """Runs cases on one stack a lane. `aws` gives a boto3 client of a service."""

    def __init__(self, endpoint: str, aws: Callable[[str], Any]) -> None:
        self.endpoint = endpoint
        self.aws = aws
        self.suffix = f"Plan{uuid.uuid4().hex[:6]}"
        self.deployed: dict[str, StackOutputs] = {}
        self._pools: dict[str, ThreadPoolExecutor] = {}

    def start(self, cases: Iterable[Case]) -> dict[str, Future[Metered]]:
        """Deploy what they need, and run them all, those of a lane in their order; case -> what comes of it."""
        cases = list(cases)
        lanes = {case.lane for case in cases}
        self._pools = {lane: ThreadPoolExecutor(AT_ONCE[LANES[lane][0]]) for lane in lanes}
        deployments = {lane: self._pools[lane].submit(self._deploy, lane) for lane in lanes}
        for lane, deployment in deployments.items():
            self.deployed[lane] = deployment.result()
        return {case.name: self._pools[case.lane].submit(self._run, case) for case in cases}

    def stop(self) -> None:
        """Remove the stacks."""
        for pool in self._pools.values():
            pool.shutdown(cancel_futures=True)
        for lane in self.deployed:
            destroy(session(self.endpoint), suffix=self.suffix + lane)

    def _deploy(self, lane: str) -> StackOutputs:
        architecture, parameters = LANES[lane]
        own = known(architecture, parameters)
        return deploy(session(self.endpoint), (architecture,), own, self.suffix + lane)[architecture]

    def _run(self, case: Case) -> Metered:
        batch_id = f"plan-{uuid.uuid4().hex[:12]}"
        request: dict[str, Any] = {
            "batchId": batch_id,
            "itemsPerChunk": case.per_chunk,
            "itemConcurrency": case.slots,
            "maxAttempts": case.attempts,
        }
        stack = self.deployed[case.lane]
        if case.item_bytes:
            request["input"] = self._upload(stack, case)
        else:
            request |= {"items": case.items, "maxValue": case.most_value, "failRate": case.fail_rate}
        run = self._run_sqs if case.architecture == "sqs" else self._run_sfn
        seconds = run(stack.outputs, request)
        return Metered(case, batch_id, seconds, self.endpoint, stack.name)

    def _upload(self, stack: StackOutputs, case: Case) -> dict[str, str]:
        place = {"bucket": stack.outputs["InputBucketName"], "key": f"input/{uuid.uuid4().hex}.jsonl"}
        lines = "".join(item_text(number, case.item_bytes or 0) + "\n" for number in range(case.items))
        self.aws("s3").put_object(Bucket=place["bucket"], Key=place["key"], Body=lines.encode())
        return place

    def _run_sqs(self, outputs: Mapping[str, str], request: dict) -> float:
        sqs, table = self.aws("sqs"), BatchTable(self.aws("dynamodb"), outputs["TableName"])
        queues = [outputs[f"{name}QueueUrl"] for name in ("Chunk", "Finalizer")]
        self.aws("lambda").invoke(
            FunctionName=outputs["BatcherFunctionName"], InvocationType="Event", Payload=json.dumps(request).encode()
        )

        def over() -> float:
            batch = table.get_batch(request["batchId"])
            assert batch, "no record of it"
            assert batch.notified, f"not over: {batch}"
            assert batch.finished_at
            # The check message comes round once more; then no message is left, and no invocation runs.
            assert [messages(sqs, url) for url in queues] == [0, 0], f"{request['batchId']}: messages are left"
            return (batch.finished_at - batch.started_at) / 1000

        return eventually(over, timeout=180, interval=0.2)

    def _run_sfn(self, outputs: Mapping[str, str], request: dict) -> float:
        states = self.aws("stepfunctions")
        arn = states.start_execution(
            stateMachineArn=outputs["StateMachineArn"], name=request["batchId"], input=json.dumps(request)
        )["executionArn"]

        def over() -> float:
            execution = states.describe_execution(executionArn=arn)
            assert execution["status"] == "SUCCEEDED", execution["status"]
            found = BatchObjects(self.aws("s3"), outputs["BatchBucketName"], request["batchId"]).find_ending()
            assert found
            return found[0]["detail"]["durationSeconds"]

        return eventually(over, timeout=180, interval=0.2)


def known(architecture: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters that the architecture's stack has: some are only the other's."""
    only_sqs = {"BatchSize", "ChunksPerSegment", "CheckIntervalSeconds", "StallAfterSeconds"}
    return {name: value for name, value in parameters.items() if architecture == "sqs" or name not in only_sqs}


def item_text(number: int, size: int) -> str:
    """An item as JSON of `size` bytes, in a file's line as it travels."""
    item = {"id": f"item-{number:06d}", "value": 0, "text": ""}
    return checked(item | {"text": "x" * (size - len(checked(item, 0)))}, number)


def messages(sqs: Any, url: str) -> int:
    """How many messages the queue has, visible or not."""
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))
