"""The billed quantities of a batch of the Step Functions architecture, in the order of docs/design.md.

The workload alone decides nearly all of them. Timing decides only whether the batcher needs another round, and whether
a processor's time runs out.
"""

import math
from collections.abc import Iterator

from bootstrap.stacks import DEFINITION
from costs.facts.figures import Assumptions, Rules
from costs.plan.log_lines import logged
from costs.plan.retries import PlannedBatch
from costs.plan.rows import Counts, Estimate, added, estimate, row, spread, usages
from costs.plan.settings import Settings, Workload
from costs.plan.sfn_left import left
from costs.plan.sfn_time import look_share
from costs.plan.shape import SfnShape, sfn_shape
from costs.plan.sizes import item_bytes
from costs.plan.timing import Timing
from costs.usage import BATCHER, FINALIZER, PROCESSOR, RECORDER, Usage
from sandbox.meter.rules import express_memory_gb, lambda_gb_seconds

# The calls and states of a state machine belong to no function.
STATE_MACHINE = None
LISTED = 1000
"""Keys or parts on a page of S3."""
PARENT_STATES, ROUND_STATES, RUN_STATES = 6, 2, 3
"""Begin, Make chunks, Chunks made?, Try the work, Process chunks, Finalize; each further round enters two more.

Each further Map Run: Hand out what is left, Process chunks, Finalize.
"""
CHILD_STATES, CHUNK_STATES = 2, 3
"""Light enough?, Its chunks, and Read its chunks in a child that reads them.

Process, Outcome, Done; of a failing chunk each attempt's Process and Outcome, the waits between, Record failure.
"""
LEFT = "chunks that a child had no time to begin, for a further Map Run"
RESULTS = "a manifest, and the children's results taken as one multipart upload: AWS does not say in how many parts"


def sfn_usages(
    workload: Workload, settings: Settings, batch_id: str, timing: Timing | None
) -> tuple[list[Usage], dict[str, Estimate]]:
    """The billed quantities of a batch except those of Lambda, and each function's invocations."""
    shapes = [sfn_shape(workload, settings, size, longest=case > 0) for case, size in enumerate(item_bytes(workload))]
    batch = PlannedBatch(workload, settings, batch_id, timing, shapes)
    tries = batch.attempts(shorter=1, batch_size=1)
    parts = spread(shape.parts for shape in shapes)
    # A round ends early only after it has uploaded a part.
    rounds = estimate(1, timing.batcher_invocations if timing else 1, max(1, parts.most))
    processors = added(batch.chunks, tries.retries, tries.cut_short)
    share = look_share(timing.processor_ms / max(1, timing.processor_invocations)) if timing else 1
    handed_on = left(workload, settings, batch.shape, timing.chunk_seconds if timing else 0)
    further = handed_on.most_runs - 1
    left_chunks = estimate(0, handed_on.chunks, batch.chunks.most * further)
    runs = estimate(1, handed_on.runs, 1 + further)
    grouped = spread(shape.grouping.children for shape in shapes)
    counts: dict[str, Estimate | float] = {
        **vars(tries),
        # An environment that has just found the batch open does not look again.
        "looks": estimate(min(1, processors.least), processors.expected * share, processors.most),
        "chunks": batch.chunks,
        "children": estimate(grouped.least, handed_on.children, grouped.most * (1 + further)),
        "left": left_chunks,
        "runs": runs,
        "reading": spread(shape.reading for shape in shapes),
        "read_alone": spread(shape.read_alone for shape in shapes),
        "parts": parts,
        # One PutObject writes all chunks.
        "single_puts": spread(1 if shape.chunks and not shape.parts else 0 for shape in shapes),
        "rounds": rounds,
        **logged(batch, tries, processors, chunks_taken=1),
    }
    invocations = {
        BATCHER: added(rounds, runs, -1),
        # The work is tried before the first chunk.
        PROCESSOR: added(processors, min(batch.chunks.least, 1)),
        RECORDER: tries.failing_chunks,
        FINALIZER: runs,
    }
    return usages(lambda n: rows(n, batch), counts), invocations


def rows(n: Counts, batch: PlannedBatch[SfnShape]) -> Iterator[Usage]:
    """The billed quantities of a batch with these counts."""
    settings, timing = batch.settings, batch.timing
    from_file, some = batch.workload.item_bytes is not None, bool(n.chunks)
    multipart = min(n.parts, 1)

    # The batcher reads the owner of the batch, billed even if there is none yet, and the input; it writes the chunks.
    # A round leaves the lengths of its chunks to the last one, which writes the list of children.
    yield row("s3.gets", BATCHER, "GetObject", (2 * n.rounds + 1 if from_file else n.rounds) + n.rounds - 1)
    further = n.runs - 1
    yield row("s3.puts", BATCHER, "PutObject", n.single_puts + 2 + some + n.rounds - 1 + 2 * further)
    yield row("s3.puts", BATCHER, "CreateMultipartUpload", multipart)
    yield row("s3.puts", BATCHER, "UploadPart", n.parts)
    yield row("s3.puts", BATCHER, "ListParts", math.ceil(n.parts / LISTED))
    yield row("s3.puts", BATCHER, "CompleteMultipartUpload", multipart)
    yield row("events.published", BATCHER, "PutEvents", 1)

    # The state machine and its children: a STANDARD child's states are transitions, an EXPRESS child is a request.
    parent = PARENT_STATES + (n.rounds - 1) * ROUND_STATES + further * RUN_STATES - (0 if some else 2)
    yield row("states.transitions", STATE_MACHINE, "parent", parent)
    yield row("states.transitions", STATE_MACHINE, "children", n.children)
    if settings.child_type == "STANDARD":
        # Each retry waits, processes and sees the outcome; Record failure stands in the place of Done.
        child = n.children * CHILD_STATES + n.reading + (n.chunks + n.retries) * CHUNK_STATES + n.cut_short * 2
        yield row("states.transitions", STATE_MACHINE, "child", child)
    else:
        yield row("states.express_requests", STATE_MACHINE, "child", n.children)
        if timing:
            memory = express_memory_gb(DEFINITION.stat().st_size) * 1024
            seconds = lambda_gb_seconds(timing.child_ms, memory)
            yield row("states.express_gb_seconds", STATE_MACHINE, "child", seconds)
    if some:
        note = "AWS does not say how it reads the list of children"
        yield row("s3.gets", STATE_MACHINE, "GetObject", n.runs + n.reading, note=note)
        yield row("s3.puts", STATE_MACHINE, "PutObject", n.left, note=LEFT)
        results = Rules.load()["result_writer.manifest_puts"] + Assumptions.load()["result_writer.file_puts"]
        yield row("s3.puts", STATE_MACHINE, "PutObject", n.runs * results, note=RESULTS)

    # The processors, and the recorder of failed items.
    yield row("s3.gets", PROCESSOR, "GetObject", n.looks + n.read_alone + n.left)
    yield row("logs.bytes", PROCESSOR, "function", n.counts_bytes + n.failed_item_bytes)
    yield row("s3.puts", RECORDER, "PutObject", n.failing_chunks)
    yield row("logs.bytes", RECORDER, "function", n.failure_bytes)

    # The finalizer counts the failures by their objects' keys.
    yield row("s3.gets", FINALIZER, "GetObject", 4 + 3 * further)
    # What children have left, and the chunks with failures.
    yield row("s3.puts", FINALIZER, "ListObjectsV2", n.runs + max(1, math.ceil(n.failing_chunks / LISTED)))
    yield row("s3.puts", FINALIZER, "PutObject", 2)
    yield row("events.published", FINALIZER, "PutEvents", 1)
    yield row("logs.bytes", FINALIZER, "function", n.finished_bytes)
