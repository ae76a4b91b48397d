"""Gathers what is known of a batch of the Step Functions architecture: its execution, its objects, and its stack."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from handlers.core.error_kinds import line_of
from handlers.sfn.states import error_in
from handlers.sfn.store import BatcherOutput
from rollcall.batches.batch import Result, titled
from rollcall.batches.explain.stack import StackFacts, gather_stack, with_errors
from rollcall.batches.sfn import SfnBatches, epoch_ms
from rollcall.target.connection import Connection

# The latest events of an execution's history that are read.
EVENTS = 50


@dataclass(frozen=True)
class SfnFacts:
    """A batch at a moment. `execution` is the answer of DescribeExecution, None if there is none.

    `state` is the state of the state machine that it is in, entered at `state_since`; `failure` is how the last try of
    this state ended, if it failed. `map_run` is the answer of DescribeMapRun, whose children have up to `per_child`
    chunks. Times in milliseconds since 1970.
    """

    title: str
    batch_id: str
    stack: StackFacts
    now: int
    ended: Result | None = None
    execution: Mapping[str, Any] | None = None
    state: str | None = None
    state_since: int = 0
    failure: str | None = None
    made: BatcherOutput | None = None
    map_run: Mapping[str, Any] | None = None
    per_child: int = 1

    def children(self, *kinds: str) -> int:
        """The number of children of these kinds, as the Map Run counts them."""
        counts = self.map_run["executionCounts"] if self.map_run else {}
        return sum(counts.get(kind, 0) for kind in kinds)


def gather(connection: Connection, batch_id: str, generation: int) -> SfnFacts:
    """Read the facts of a batch that has an execution."""
    stack, batches = connection.stack("sfn"), SfnBatches(connection)
    now = round(connection.now().timestamp() * 1000)
    title = titled(batch_id, generation)
    seen = batches.observe(batch_id, generation)
    execution = batches.execution(batch_id, generation)
    facts = SfnFacts(title, batch_id, gather_stack(connection, stack, "sfn"), now)
    if isinstance(seen, Result):
        return replace(facts, ended=seen)
    if not execution:
        return facts
    arn, started_at = execution["executionArn"], epoch_ms(execution["startDate"])
    history = connection.client("stepfunctions").get_execution_history(
        executionArn=arn, reverseOrder=True, maxResults=EVENTS
    )
    objects = batches.objects(batch_id, generation)
    made = objects.find_made()
    return replace(
        place_in(facts, history["events"]),
        stack=with_errors(facts.stack, connection, stack, "sfn", batch_id, started_at, now),
        execution=execution,
        made=made,
        map_run=batches.map_run(arn),
        per_child=objects.part(made).per_child if made else 1,
    )


def place_in(facts: SfnFacts, events: Iterable[Mapping[str, Any]]) -> SfnFacts:
    """The facts with the state that the execution is in, by its latest events, the newest first."""
    failure = None
    for event in events:
        details = event.get("stateEnteredEventDetails")
        if details:
            return replace(facts, state=details["name"], state_since=epoch_ms(event["timestamp"]), failure=failure)
        if failure is None:
            failure = failure_in(event)
    return replace(facts, failure=failure)


def failure_in(event: Mapping[str, Any]) -> str | None:
    """The error of an event that tells of a failed try; None of any other."""
    for name, details in event.items():
        if name.endswith(("FailedEventDetails", "TimedOutEventDetails")) and details:
            return line_of(error_in({"Error": details.get("error", ""), "Cause": details.get("cause", "")}))
    return None
