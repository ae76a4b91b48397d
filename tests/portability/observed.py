"""What MiniStack does with the stacks as they are deployed: one batch in each architecture, until its fate is known."""

import json
from dataclasses import dataclass
from typing import Any

from bench.engine import Engine
from tests.portability.stacks import PATIENCE, PortableStacks
from tests.probes import eventually

# What its one poller says when it meets a limit that a template's parameter gave as a string. It polls nothing then.
STOPPED = "ESM SQS poller error"


@dataclass(frozen=True)
class Observed:
    """The batch of each architecture, whether SQS's chunks are polled, and what became of the execution.

    `outputs` are those of its states, `max_concurrency` is its Map Run's.
    """

    batches: dict[str, str]
    polls_chunks: bool
    outputs: dict[str, Any]
    max_concurrency: int


def observe(engine: Engine, stacks: PortableStacks) -> Observed:
    """Start both batches and wait until their fate is known."""
    batches = {architecture: stacks.start(architecture, items=4, itemsPerChunk=2) for architecture in stacks.batches}
    outputs = eventually(lambda: outputs_of(stacks, batches["sfn"]), PATIENCE)

    def known() -> bool:
        polls = bool(stacks.published(batches["sqs"]))
        assert polls or STOPPED in engine.log.read_text()
        return polls

    # Its finalizer would be tried for minutes.
    stacks.batches["sfn"].cancel(batches["sfn"])
    return Observed(batches, eventually(known, PATIENCE), outputs, max_concurrency_of(stacks, batches["sfn"]))


def outputs_of(stacks: PortableStacks, batch_id: str) -> dict[str, Any]:
    """The outputs of the states that the execution has left. Raises AssertionError until it has come to its last."""
    states = stacks.aws("stepfunctions")
    events = states.get_execution_history(executionArn=execution_of(stacks, batch_id))["events"]
    entered = {event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event}
    assert "Finalize" in entered, entered
    left = [event["stateExitedEventDetails"] for event in events if "stateExitedEventDetails" in event]
    return {state["name"]: json.loads(state["output"]) for state in left}


def max_concurrency_of(stacks: PortableStacks, batch_id: str) -> int:
    """How many children the execution's Map Run may run at a time; 0 for any number."""
    states = stacks.aws("stepfunctions")
    [run] = states.list_map_runs(executionArn=execution_of(stacks, batch_id))["mapRuns"]
    limit: int = states.describe_map_run(mapRunArn=run["mapRunArn"])["maxConcurrency"]
    return limit


def execution_of(stacks: PortableStacks, batch_id: str) -> str:
    """The ARN of a batch's execution."""
    return stacks.sfn["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{batch_id}"
