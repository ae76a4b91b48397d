"""A baseline in the bench's engine: its stack, and how a batch of it is started."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bootstrap.bucket import ensure_bucket, upload
from bootstrap.change_sets import Stacks
from bootstrap.deploy import bring_stack
from bootstrap.packaging import Package
from bootstrap.stacks import SANDBOX_PARAMETERS
from rollcall.connection import Connection

HERE = Path(__file__).parent


class Baseline:
    """Starts batches like `rollcall.batches.Batches`; they end in an event of the same form on the default bus."""

    def __init__(self, connection: Connection, title: str, batcher: str) -> None:
        self.architecture = title
        self._lambda = connection.client("lambda")
        self._batcher = batcher

    def start(self, request: Mapping[str, Any]) -> None:
        """Start the batch of a request with `batchId`, `items`, `itemsPerChunk` and `maxValue`."""
        event = {
            "batchId": request["batchId"],
            "items": request["items"],
            "itemsPerMessage": request["itemsPerChunk"],
            "maxValue": request["maxValue"],
        }
        self._lambda.invoke(FunctionName=self._batcher, InvocationType="Event", Payload=json.dumps(event))

    def last_chunk_done_at(self, batch_id: str) -> None:
        """The baseline keeps no such time."""


def deploy_baseline(connection: Connection, title: str, processor: str, progress: Callable[[str], None]) -> Baseline:
    """Deploy a baseline whose processor is that module in functions/. Raises DeployFailed."""
    session = connection.session
    code = Package({path.name: path.read_bytes() for path in (HERE / "functions").glob("*.py")})
    bucket = ensure_bucket(session, progress)
    upload(session.client("s3"), bucket, code.key, code.zip, progress)
    parameters = {
        "CodeBucket": bucket,
        "CodeKey": code.key,
        "ProcessorModule": processor,
        "CpuArchitecture": SANDBOX_PARAMETERS["CpuArchitecture"],
    }
    stacks = Stacks(session.client("cloudformation"), sandbox=True, progress=progress)
    stack = bring_stack(
        stacks, f"Baseline-{processor.replace('_', '-')}", (HERE / "template.yaml").read_text(), parameters
    )
    return Baseline(connection, title, stack.outputs["BatcherFunctionName"])
