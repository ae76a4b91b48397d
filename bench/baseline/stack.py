"""A baseline in the bench's engine: its stack, and the start of its batches."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bootstrap.bucket import buckets_of
from bootstrap.change_sets import Stacks
from bootstrap.deploy import StackOutputs, create_or_update
from bootstrap.packaging import Package
from bootstrap.stacks import SANDBOX_PARAMETERS
from rollcall.target.connection import Connection

HERE = Path(__file__).parent
# All baselines get their items and their processing from these modules.
FUNCTIONS = HERE / "functions"


class Baseline:
    """Starts batches as `batches.batch.Batches` does. Their end is an event of the same form on the default bus."""

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
        """None: the baseline does not record this time."""


def deploy_baseline(connection: Connection, title: str, processor: str, progress: Callable[[str], None]) -> Baseline:
    """Deploy a baseline whose processor is that module in functions/. Raises DeployFailed."""
    stack = deploy_literal(connection, processor, progress)
    return Baseline(connection, title, stack.outputs["BatcherFunctionName"])


def deploy_literal(connection: Connection, processor: str, progress: Callable[[str], None]) -> StackOutputs:
    """Deploy the specification to the letter, with that module in functions/ as the processor. Raises DeployFailed."""
    name = f"Baseline-{processor.replace('_', '-')}"
    return deploy_stack(connection, name, HERE / "template.yaml", (), {"ProcessorModule": processor}, progress)


def deploy_stack(
    connection: Connection,
    name: str,
    template: Path,
    functions: Iterable[Path],
    parameters: Mapping[str, str],
    progress: Callable[[str], None],
) -> StackOutputs:
    """Deploy a stack whose functions are the modules `functions` and those here. Raises DeployFailed."""
    session = connection.session
    code = Package({path.name: path.read_bytes() for path in (*FUNCTIONS.glob("*.py"), *functions)})
    buckets = buckets_of(session, progress)
    bucket = buckets.ensure_code()
    buckets.upload(code.key, code.zip())
    given = {
        "CodeBucket": bucket,
        "CodeKey": code.key,
        "CpuArchitecture": SANDBOX_PARAMETERS["CpuArchitecture"],
        **parameters,
    }
    stacks = Stacks(session.client("cloudformation"), sandbox=True, progress=progress)
    return create_or_update(stacks, name, template.read_text(), given)
