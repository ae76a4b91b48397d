"""Two alternatives that are not built here, priced with the same figures: an SQS FIFO queue, and durable functions."""

import math
from dataclasses import dataclass, replace
from typing import Any

from costs.bill import Bill, priced
from costs.format import count
from costs.plan.limits import Impossible
from costs.plan.plan import Plan, Planner
from costs.plan.settings import ORCHESTRATION_MEMORY
from costs.usage import GB_SECONDS, PROCESSOR, WORDS, Usage
from sandbox.meter.rules import lambda_gb_seconds

DAYS_A_MONTH = 30
# A branch of the coordinator's Map, and the Invoke in it.
OPERATIONS_PER_CHUNK = 2
# The sizes of a branch's input, which is the chunk's place in the object of chunks, and of its result.
BYTES_PER_CHUNK = 300
REFUSALS = WORDS["refusals"]


@dataclass(frozen=True)
class Alternative:
    """The bill of a batch with another service. `limits` are sentences; `refused` says why it is impossible."""

    title: str
    bill: Bill
    limits: tuple[str, ...]
    refused: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The alternative as `--json` prints it."""
        return {
            "title": self.title,
            "dollars": None if self.refused else self.bill.dollars,
            "orchestration": None if self.refused else self.bill.orchestration,
            "limits": list(self.limits),
            "refused": self.refused,
        }


def alternatives(plans: dict[str, Plan], planner: Planner) -> list[Alternative]:
    """The alternatives to these plans: FIFO instead of SQS, durable functions instead of Step Functions."""
    makers = {"sqs": fifo, "sfn": durable}
    return [makers[architecture](plan, planner) for architecture, plan in plans.items()]


def fifo(plan: Plan, planner: Planner) -> Alternative:
    """The SQS architecture with a FIFO queue of chunks: its requests cost the FIFO price."""
    batch_size = int(planner.quotas["sqs.fifo_batch_size"])
    refused = None
    if plan.settings.batch_size > batch_size:
        try:
            plan = planner("sqs", plan.workload, replace(plan.settings, batch_size=batch_size))
        except Impossible as impossible:
            refused = str(impossible)
    usages = [
        replace(line.usage, price="sqs.fifo_requests") if is_of_chunk_queue(line.usage) else line.usage
        for line in plan.bill.lines
    ]
    limits = (
        f"BatchSize {batch_size} at most, {planner.quotas['sqs.in_flight']:,.0f} messages in flight",
        "one invocation at a time per message group, so as many groups as processors",
        "a redelivered chunk holds up its group; SQS drops duplicates for 5 minutes only, so the chunk records stay",
    )
    return Alternative("SQS FIFO", priced(usages, planner.book, plan.workload.items), limits, refused)


def is_of_chunk_queue(usage: Usage) -> bool:
    """Whether a usage is a request to the chunk queue."""
    sent = usage.operation == "SendMessageBatch"
    received = usage.function == PROCESSOR and usage.operation != "SendMessage"
    return usage.price == "sqs.requests" and (sent or received)


def durable(plan: Plan, planner: Planner) -> Alternative:
    """A durable function that maps over the chunks and invokes the processor for each, in place of the state machine.

    Quotas limit the chunks of an execution, so the execution of a large batch invokes others. The processor reads its
    chunk from the object of chunks; the state machine would pass the chunk in.
    """
    quotas, assumptions, chunks = planner.quotas, planner.assumptions, plan.timing.chunks
    by_operations = (quotas["durable.operations"] - 1) // OPERATIONS_PER_CHUNK
    room = int(min(by_operations, quotas["durable.persisted_bytes"] // BYTES_PER_CHUNK))
    executions = math.ceil(chunks / max(1, room))
    parents = 1 if executions > 1 else 0
    refused = None
    if room < 1:
        refused = REFUSALS["no_room"].format(operations=1 + OPERATIONS_PER_CHUNK, size=BYTES_PER_CHUNK)
    elif executions > room:
        refused = REFUSALS["too_many"].format(chunks=chunks, executions=executions, room=room)
    # The coordinator is resumed at every result.
    resumed = chunks + executions
    resumed_ms, gigabytes = resumed * assumptions["durable.resume_ms"], BYTES_PER_CHUNK * resumed / 1_000_000_000
    operations = executions + OPERATIONS_PER_CHUNK * chunks + parents * (1 + OPERATIONS_PER_CHUNK * executions)
    quantities = {
        "lambda.durable_operations": operations,
        "lambda.durable_gb_written": gigabytes,
        "lambda.durable_gb_months": gigabytes * assumptions["durable.retention_days"] / DAYS_A_MONTH,
        "lambda.requests": resumed,
        GB_SECONDS + plan.settings.cpu_architecture: lambda_gb_seconds(resumed_ms, ORCHESTRATION_MEMORY),
        "s3.gets": chunks,
    }
    # Only the state machine needs its states, its children, and its own requests to S3.
    stateless = (line.usage for line in plan.bill.lines if not line.usage.price.startswith("states."))
    usages = [usage for usage in stateless if usage.function or not usage.price.startswith("s3.")]
    usages += [Usage(price, quantity) for price, quantity in quantities.items()]
    limits = (
        f"{quotas['durable.operations']:,.0f} operations and {quotas['durable.persisted_bytes'] / 1e6:,.0f} MB per "
        f"execution: {count(max(1, room), 'chunk')}, so {count(executions, 'execution')}"
        f"{' and one above them' * parents}",
        "started asynchronously: an SQS event source mapping would have to finish the whole batch in 15 minutes",
    )
    return Alternative("Lambda durable functions", priced(usages, planner.book, plan.workload.items), limits, refused)
