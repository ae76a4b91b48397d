"""What a batch of the Step Functions architecture uses, step by step as docs/design.md tells the protocol.

Nearly all of it is known from the workload alone: time decides only whether the batcher needs another round and
whether a processor's time runs out.
"""

from dataclasses import dataclass

from bootstrap.stacks import DEFINITION
from costs.facts.rules import rule
from costs.plan import fixed, units_express, units_lambda
from costs.plan.settings import Settings, Workload
from costs.plan.sizes_items import item_bytes
from costs.plan.timing import Timing
from costs.plan.units_attempts import Attempts, attempts
from costs.plan.units_chunks import SfnCut, cut_for_sfn, cut_three
from costs.plan.units_logs import failure_lines, finished_lines, platform_lines, processor_lines
from costs.plan.units_range import NONE, Range
from costs.plan.units_tally import Tally

BATCHER, PROCESSOR, FINALIZER = "BatcherFunction", "ProcessorFunction", "FinalizerFunction"
RECORDER = "FailureRecorderFunction"
# What a state machine does is no function's.
STATE_MACHINE = None
LISTED = 1000
"""Keys or parts on a page of S3."""
# States that are entered: Begin, Make chunks, Chunks made?, Process chunks, Finalize; the first two after Begin again
# for each further round of the batcher.
PARENT_STATES, ROUND_STATES = 5, 2
# Process, Outcome, Done; of a failing chunk each attempt's Process and Outcome, the waits between, Record failure.
CHILD_STATES = 3


@dataclass(frozen=True)
class SfnBatch:
    """What is known of a batch before it runs: its cut with the least, the expected and the largest items."""

    workload: Workload
    settings: Settings
    batch_id: str
    cuts: tuple[SfnCut, SfnCut, SfnCut]
    attempts: Attempts

    @property
    def chunks(self) -> Range:
        return Range.over(self.cuts, lambda cut: cut.chunks)


def sfn_batch(workload: Workload, settings: Settings, batch_id: str, timing: Timing | None) -> SfnBatch:
    """Cut the batch, and see how often its chunks are worked on."""
    cuts = cut_three(item_bytes(workload), lambda size, most: cut_for_sfn(workload, settings, size, most))
    chunks = Range.over(cuts, lambda cut: cut.chunks)
    tries = attempts(workload, settings, chunks, cuts[1].chunk_items, 1, 1, timing)
    return SfnBatch(workload, settings, batch_id, cuts, tries)


def batcher(tally: Tally, batch: SfnBatch, timing: Timing | None) -> Range:
    """The batcher: owns the batch, writes its chunks; returns its rounds.

    A round ends early only after it has uploaded a part, so there are no more than parts.
    """
    parts = Range.over(batch.cuts, lambda cut: cut.parts)
    rounds = Range.of(1, timing.batcher_invocations if timing else 1, max(1, parts.high))
    tally.add("lambda.requests", BATCHER, "invoke", rounds, "batcher's invocations")
    # The first look finds nothing and is billed all the same.
    tally.add("s3.gets", BATCHER, "GetObject", rounds, "who owns the batch")
    if batch.workload.item_bytes is not None:
        tally.add("s3.gets", BATCHER, "GetObject", rounds, "reading the input")
        tally.add("s3.gets", BATCHER, "GetObject", 1, "pinning the input")
    whole = Range.over(batch.cuts, lambda cut: 1 if cut.chunks and not cut.parts else 0)
    tally.add("s3.puts", BATCHER, "PutObject", whole + 2, "the chunks; who owns the batch, what was made")
    multipart = parts.at_most(1)
    tally.add("s3.puts", BATCHER, "CreateMultipartUpload", multipart, "the chunks' upload")
    tally.add("s3.puts", BATCHER, "UploadPart", parts, "parts of the chunks")
    tally.add("s3.puts", BATCHER, "ListParts", parts.per(LISTED), "the parts, listed")
    tally.add("s3.puts", BATCHER, "CompleteMultipartUpload", multipart, "the end of the chunks' upload")
    tally.add("events.published", BATCHER, "PutEvents", 1, "Batch Started")
    return rounds


def states(tally: Tally, batch: SfnBatch, rounds: Range, timing: Timing | None) -> None:
    """The state machine and its children; a STANDARD child's states are transitions, an EXPRESS one is a request."""
    chunks, tries = batch.chunks, batch.attempts
    parent = (rounds + -1) * ROUND_STATES + PARENT_STATES + (0 if chunks.high else -1)
    tally.add("states.transitions", STATE_MACHINE, "parent", parent, "states of the batch")
    tally.add("states.transitions", STATE_MACHINE, "children", chunks, "children started")
    if batch.settings.child_type == "STANDARD":
        # Each retry waits, processes and sees what came of it; Record failure stands in the place of Done.
        child = chunks * CHILD_STATES + tries.retries * CHILD_STATES + tries.cut_short * 2
        tally.add("states.transitions", STATE_MACHINE, "child", child, "states of its children")
    else:
        tally.add("states.express_requests", STATE_MACHINE, "child", chunks, "children")
        memory = units_express.memory_gb(DEFINITION.stat().st_size)
        if timing:
            seconds = units_express.gb_seconds(timing.child_ms, memory)
            tally.add("states.express_gb_seconds", STATE_MACHINE, "child", seconds, "children's duration")
    if chunks.high:
        tally.add("s3.gets", STATE_MACHINE, "GetObject", 1, "the Map's input", note="AWS does not say how it reads it")
        results = rule("result_writer.manifest_puts") + rule("result_writer.file_puts")
        note = (
            "a manifest, and the children's results taken as one multipart upload: AWS does not say in how many parts"
        )
        tally.add("s3.puts", None, "PutObject", results, "state machine: results", note=note)


def processor(tally: Tally, batch: SfnBatch) -> Range:
    """The processor: one invocation a chunk and attempt; returns them. What fails for good is recorded by another."""
    tries = batch.attempts
    invocations = batch.chunks + tries.retries + tries.cut_short
    tally.add("lambda.requests", PROCESSOR, "invoke", invocations, "processor's invocations")
    tally.add("lambda.requests", RECORDER, "invoke", tries.failing_chunks, "recording failed items")
    tally.add("s3.puts", RECORDER, "PutObject", tries.failing_chunks, "failed items, an object for each chunk")
    return invocations


def finalizer(tally: Tally, batch: SfnBatch) -> None:
    """The finalizer: one invocation, which counts the failures by their objects' keys."""
    tally.add("lambda.requests", FINALIZER, "invoke", 1, "finalizer's invocations")
    tally.add("s3.gets", FINALIZER, "GetObject", 3, "what was made; whether it has ended; how far it was counted")
    pages = batch.attempts.failing_chunks.per(LISTED).map(lambda count: max(1, count))
    tally.add("s3.puts", FINALIZER, "ListObjectsV2", pages, "the failures, listed")
    tally.add("s3.puts", FINALIZER, "PutObject", 2, "the ending, the announcement")
    tally.add("events.published", FINALIZER, "PutEvents", 1, "Batch Finished")


def logs(tally: Tally, batch: SfnBatch, rounds: Range, invocations: Range, timing: Timing | None) -> None:
    """The lines that Lambda and the functions write; the batcher writes none."""
    settings, tries, memory = batch.settings, batch.attempts, fixed.ORCHESTRATION_MEMORY
    cold, timeout = (timing.cold_starts if timing else 0), settings.function_timeout
    platform_lines(tally, BATCHER, memory, fixed.SFN_BATCHER_TIMEOUT, rounds, min(cold, 1))
    platform_lines(tally, PROCESSOR, settings.processor_memory, timeout, invocations, max(0, cold - 2))
    platform_lines(tally, RECORDER, memory, timeout, tries.failing_chunks, 0)
    platform_lines(tally, FINALIZER, memory, timeout, Range.exactly(1), min(cold, 1))
    items, chunks = batch.workload.items, batch.chunks
    metrics = processor_lines("sfn", invocations, tries, items, settings.items_per_chunk, settings, timing)
    tally.add("logs.bytes", PROCESSOR, "function", metrics, "metrics of the processor")
    failures = failure_lines("sfn", batch.batch_id, tries, chunks, settings.items_per_chunk)
    tally.add("logs.bytes", RECORDER, "function", failures, "failures")
    finished = finished_lines("sfn", batch.batch_id, tries, items, chunks, settings.deadline_seconds, timing)
    tally.add("logs.bytes", FINALIZER, "function", finished, "Batch Finished, logged, and its metric")


def add(tally: Tally, batch: SfnBatch, timing: Timing | None) -> None:
    """All of a batch."""
    settings = batch.settings
    rounds = batcher(tally, batch, timing)
    states(tally, batch, rounds, timing)
    invocations = processor(tally, batch) if batch.chunks.high else NONE
    finalizer(tally, batch)
    logs(tally, batch, rounds, invocations, timing)
    if timing:
        units_lambda.batcher(tally, settings, timing, rounds, fixed.SFN_BATCHER_TIMEOUT)
        units_lambda.processor(tally, settings, timing, invocations)
        units_lambda.recorder(tally, settings, timing, batch.attempts.failing_chunks)
        units_lambda.finalizer(tally, settings, timing, Range.exactly(1))
