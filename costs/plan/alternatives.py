"""Two other ways to do it, priced with the same figures: Lambda durable functions, and an SQS FIFO queue.

Neither is built; what is known of their limits is said beside the price.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

from costs.bill import Bill, priced
from costs.plan import fixed
from costs.plan.limits import Impossible
from costs.plan.plan import Plan
from costs.plan.planner import Planner
from costs.usage import Usage

DAYS_A_MONTH = 30
GB = 1_000_000_000
# A branch of the coordinator's Map, and the Invoke in it.
OPERATIONS_PER_CHUNK = 2
# A chunk is told by where it stands in the object of chunks, and its result is that it is done.
BYTES_PER_CHUNK = 300

# How a plan tells what is sent to the batcher's queue.
SEGMENTS_SENT = "sending segments"


@dataclass(frozen=True)
class Alternative:
    """What a batch would cost so; `limits` say what else there is to it, `refused` why it cannot be."""

    title: str
    bill: Bill
    limits: tuple[str, ...]
    refused: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "title": self.title,
            "dollars": None if self.refused else self.bill.dollars,
            "orchestration": None if self.refused else self.bill.orchestration,
            "limits": list(self.limits),
            "refused": self.refused,
        }


def alternatives(plans: dict[str, Plan], planner: Planner) -> list[Alternative]:
    """Those that derive from what was planned: FIFO from SQS, durable functions from Step Functions."""
    found = []
    if "sqs" in plans:
        found.append(fifo(plans["sqs"], planner))
    if "sfn" in plans:
        found.append(durable(plans["sfn"], planner))
    return found


def fifo(plan: Plan, planner: Planner) -> Alternative:
    """The SQS architecture with a FIFO queue of chunks: the requests for chunks at the FIFO price."""
    most = int(planner.quotas["sqs.fifo_batch_size"])
    refused = None
    if plan.settings.batch_size > most:
        try:
            plan = planner("sqs", plan.workload, replace(plan.settings, batch_size=most))
        except Impossible as impossible:
            refused = str(impossible)
    usages = [
        replace(line.usage, price="sqs.fifo_requests") if of_chunk_queue(line.usage) else line.usage
        for line in plan.bill.lines
    ]
    return Alternative(
        "SQS FIFO",
        priced(usages, planner.book, plan.workload.items),
        (
            f"BatchSize {most} at most, {planner.quotas['sqs.in_flight']:,.0f} messages in flight",
            "one invocation at a time for each message group: as many groups as processors",
            "a chunk that comes again holds up its group; duplicates are kept out of the queue for 5 minutes only, so "
            "the chunk records stay",
        ),
        refused,
    )


def of_chunk_queue(usage: Usage) -> bool:
    """Whether it is of the queue that would be FIFO: the batcher's, of segments, stays as it is."""
    sent = usage.operation == "SendMessageBatch" and usage.what != SEGMENTS_SENT
    received = usage.function == "ProcessorFunction" and usage.operation != "SendMessage"
    return usage.price == "sqs.requests" and (sent or received)


def durable(plan: Plan, planner: Planner) -> Alternative:
    """A durable function that maps over the chunks and invokes the processor for each, instead of the state machine.

    An execution has so many operations, so a large batch is one that invokes others. The processor reads its chunk from
    the object of chunks, where the state machine passes it in.
    """
    figures, chunks = planner.quotas, plan.timing.chunks
    branches = int((figures["durable.operations"] - 1) // OPERATIONS_PER_CHUNK)
    branches = min(branches, int(figures["durable.persisted_bytes"] // BYTES_PER_CHUNK))
    none_fits, branches = branches < 1, max(1, branches)
    executions = math.ceil(chunks / branches)
    above = 1 if executions > 1 else 0
    operations = executions + OPERATIONS_PER_CHUNK * chunks + above * (1 + OPERATIONS_PER_CHUNK * executions)
    written = BYTES_PER_CHUNK * (chunks + executions) / GB
    resumed = (chunks + executions) * planner.assumptions["durable.resume_ms"] / 1000
    cpu = plan.settings.cpu_architecture
    months = planner.assumptions["durable.retention_days"] / DAYS_A_MONTH
    usages = [line.usage for line in plan.bill.lines if not of_state_machine(line.usage)]
    usages += [
        Usage(price="lambda.durable_operations", quantity=operations, what="the Map, its branches and invocations"),
        Usage(price="lambda.durable_gb_written", quantity=written, what="what the coordinator persists"),
        Usage(price="lambda.durable_gb_months", quantity=written * months, what="its history, kept"),
        Usage(price="lambda.requests", quantity=chunks + executions, what="the coordinator, resumed at every result"),
        Usage(
            price=f"lambda.gb_seconds.{cpu}",
            quantity=resumed * fixed.ORCHESTRATION_MEMORY / 1024,
            what="the coordinator, resumed at every result",
        ),
        Usage(price="s3.gets", quantity=chunks, what="a chunk's part of the object of chunks"),
    ]
    refused = None
    if none_fits:
        refused = (
            f"durable.operations and durable.persisted_bytes: a chunk needs {1 + OPERATIONS_PER_CHUNK} operations and "
            f"{BYTES_PER_CHUNK} bytes of an execution"
        )
    elif executions > branches:
        refused = (
            f"durable.operations: {chunks:,} chunks need {executions:,} executions, and one can invoke {branches:,}: "
            "raise ItemsPerChunk"
        )
    return Alternative(
        "Lambda durable functions",
        priced(usages, planner.book, plan.workload.items),
        (
            f"{figures['durable.operations']:,.0f} operations and {figures['durable.persisted_bytes'] / 1e6:,.0f} MB "
            f"an execution: {counted(branches, 'chunk')}, so {counted(executions, 'execution')}"
            f"{' and one above them' * above}",
            "started asynchronously: from an SQS event source all of it would have to be done in 15 minutes",
        ),
        refused,
    )


def counted(number: int, what: str) -> str:
    """`1 execution`, `1,499 chunks`."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def of_state_machine(usage: Usage) -> bool:
    """Whether only the state machine needs it: its states and children, and its own requests to S3."""
    return usage.price.startswith("states.") or (usage.function is None and usage.price.startswith("s3."))
