"""The five ways to process the same items: Rollcall's two architectures, and three obvious ones."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.baseline.stack import Baseline, deploy_literal, deploy_stack
from bench.batches import Starter
from bootstrap.deploy import deploy
from rollcall.batches.sfn import SfnBatches
from rollcall.batches.sqs import SqsBatches
from rollcall.target.connection import Connection

HERE = Path(__file__).parent
# The published way waits this long between two checks on AWS, and here, where batches are small.
POLL_SECONDS = 300
POLL_SECONDS_HERE = 5

type Progress = Callable[[str], None]


@dataclass(frozen=True)
class Way:
    """One way to process items. `key` names it in JSON, `short` above a column.

    `processor` is the function whose log lines count the items; without one, the batch's event has the count.
    `poll_seconds` is the interval on AWS of a way that polls for its end, else None.
    """

    key: str
    short: str
    title: str
    stack: str
    starter: Starter
    processor: str | None = None
    poll_seconds: int | None = None


class MapOfItems:
    """Starts executions of a state machine whose Distributed Map has one item per child."""

    architecture = "map"

    def __init__(self, connection: Connection, state_machine: str) -> None:
        self._states = connection.client("stepfunctions")
        self._state_machine = state_machine

    def start(self, request: Mapping[str, Any]) -> None:
        """Start the batch of a request with `batchId`, `items` and `maxValue`."""
        payload = {name: request[name] for name in ("batchId", "items", "maxValue")}
        self._states.start_execution(
            stateMachineArn=self._state_machine, name=request["batchId"], input=json.dumps(payload)
        )

    def last_chunk_done_at(self, batch_id: str) -> None:
        """None: the state machine does not record this time."""


def deploy_ways(connection: Connection, progress: Progress) -> list[Way]:
    """Deploy Rollcall's two stacks and the three obvious ways. Raises DeployFailed."""
    rollcall = deploy(connection.session, progress=progress)
    functions = list((HERE / "functions").glob("*.py"))
    literal = deploy_literal(connection, "processor_in_batches", progress)
    poll = {"PollSeconds": str(POLL_SECONDS_HERE)}
    published = deploy_stack(connection, "Published", HERE / "published.yaml", functions, poll, progress)
    mapped = deploy_stack(connection, "MapOfItems", HERE / "map.yaml", functions, {}, progress)
    return [
        Way("sqs", "SQS", "Rollcall, SQS", rollcall["sqs"].name, SqsBatches(connection)),
        Way("sfn", "Step Functions", "Rollcall, Step Functions", rollcall["sfn"].name, SfnBatches(connection)),
        Way(
            "literal",
            "(a)",
            "(a) literal",
            literal.name,
            Baseline(connection, "literal", literal.outputs["BatcherFunctionName"]),
            literal.outputs["ProcessorFunctionName"],
        ),
        Way(
            "published",
            "(b)",
            "(b) published",
            published.name,
            Baseline(connection, "published", published.outputs["BatcherFunctionName"]),
            published.outputs["ProcessorFunctionName"],
            poll_seconds=POLL_SECONDS,
        ),
        Way(
            "map",
            "(c)",
            "(c) child per item",
            mapped.name,
            MapOfItems(connection, mapped.outputs["StateMachineArn"]),
            mapped.outputs["ProcessorFunctionName"],
        ),
    ]
