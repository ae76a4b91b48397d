"""A batch whose items all fail, through both architectures: the time to its event, and the functions' memory."""

from collections.abc import Callable

from bench.batches import Outcome, Size, Starter, until_finished
from bench.engine import engine_of, own_engine
from bench.figures import Figure
from bench.invocations import peak_mb
from bootstrap import aws
from bootstrap.deploy import deploy
from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import seconds
from handlers.core.batch import new_batch_id
from rollcall.batches.sfn import SfnBatches
from rollcall.batches.sqs import SqsBatches
from rollcall.target.connection import Connection

ITEMS_PER_CHUNK = 500
# The memory of this batch's functions is compared with that of the large batch's.
SMALL = Size(5_000, ITEMS_PER_CHUNK)
FUNCTIONS = {"finalizer": "FinalizerFunctionName", "processor": "ProcessorFunctionName"}

type Progress = Callable[[str], None]


def measure_failures(items: int, progress: Progress) -> list[Figure]:
    """Run a small batch and one of `items` items through each architecture, on an engine of the run's own.

    Raises Problem if a batch does not end FAILED with every item failed; SandboxError and DeployFailed.
    """
    with own_engine(progress) as sandbox:
        session = aws.session(sandbox.endpoint)
        deploy(session, progress=progress)
        connection = Connection(session, "", sandbox.endpoint, sandbox.engine)
        figures = [
            figure
            for starter in (SqsBatches(connection), SfnBatches(connection))
            for figure in one_architecture(connection, starter, Size(items, ITEMS_PER_CHUNK), progress)
        ]
        return [*figures, Figure("engine's peak memory", "MB", [engine_of(sandbox).memory_mb("VmHWM")])]


def one_architecture(connection: Connection, starter: Starter, size: Size, progress: Progress) -> list[Figure]:
    """The small batch and the large one, and the functions' memory after each."""
    title = ARCHITECTURE_TITLES[starter.architecture]
    outputs = connection.stack(starter.architecture).outputs
    figures = []
    for batch in (SMALL, size):
        took = fail_all(connection, starter, batch, progress)
        what = f"{title}, {batch.items:,} items that fail"
        figures.append(Figure(f"{what}: until Batch Finished", "s", [took]))
        figures += [
            Figure(f"{what}: {role}'s peak memory so far", "MB", [peak_mb(connection, outputs[name])])
            for role, name in FUNCTIONS.items()
        ]
    return figures


def fail_all(connection: Connection, starter: Starter, size: Size, progress: Progress) -> float:
    """Run a batch whose items all fail. Returns the seconds from its start to its event. Raises Problem."""
    request = {
        "batchId": new_batch_id(connection.now()),
        "items": size.items,
        "itemsPerChunk": size.items_per_chunk,
        "maxValue": 0,
        "failRate": 1,
        "maxAttempts": 1,
    }
    what = f"{starter.architecture}: {size.items:,} items that fail"
    began, arrival = until_finished(connection, starter, request, what, progress, Outcome("FAILED", failed=size.items))
    took = arrival.arrived_at / 1000 - began
    progress(f"{what}: done in {seconds(took)}")
    return took
