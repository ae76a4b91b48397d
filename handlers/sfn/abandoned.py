"""Executions that ended without their finalizer, or that EventBridge could not even start: their batches end too."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from handlers.aws.errors import is_mistake
from handlers.aws.telemetry import logger
from handlers.core.batch import Ending, InvalidRequest, Status, batch_id_or, generation_of
from handlers.core.clock import Clock
from handlers.core.outcome import error_text
from handlers.sfn.batcher import publish_skipped
from handlers.sfn.counting import EarlyEnd
from handlers.sfn.finishing import Finisher
from handlers.sfn.json_objects import JsonObjects
from handlers.sfn.map_runs import THREADS
from handlers.sfn.start import Execution, RequestRefused, Starter
from handlers.sfn.store import BatchObjects, Made, Started

STATUS_OF = {"ABORTED": Status.CANCELLED, "TIMED_OUT": Status.EXPIRED, "FAILED": Status.FAILED}
# What the state machine's Refused state fails with.
REFUSED = "RequestRefused"
SWEEP_BACK = timedelta(days=2)
LONGEST_EXECUTION = timedelta(days=16)
# So many tries to end a batch meet a mistake in the code before it is ended without it.
TRIES = 5


class Ended:
    """`states` is boto3's client for Step Functions. `settle` is how long functions work on for an ended execution."""

    def __init__(self, states, starter: Starter, finisher: Finisher, settle: timedelta):
        self.states = states
        self.settle = settle
        self.starter = starter
        self.finisher = finisher

    def finish(self, execution: Mapping[str, Any], clock: Clock) -> dict | None:
        """End the batch of an execution that FAILED, TIMED_OUT or was ABORTED, as DescribeExecution tells of it.

        None: it ran no batch. Raises what Finisher.finish raises.
        """
        if execution.get("error") == REFUSED:
            return None
        asked = json.loads(execution["input"])
        own = Execution(execution["executionArn"], execution["name"], epoch_of(execution["startDate"]))
        cause = " ".join(filter(None, (execution.get("error"), execution.get("cause"))))
        reason = f"execution {execution['status']}" + (f": {cause}" if cause else "")
        early = EarlyEnd(STATUS_OF[execution["status"]], reason, epoch_of(execution["stopDate"]))
        return self._unless_mistaken(lambda: self.finish_as(early, asked, own, clock), asked, own, clock)

    def finish_as(self, early: EarlyEnd, asked: object, execution: Execution, clock: Clock) -> dict | None:
        """End the batch that `execution` runs, or would have: who never said so says it now. None: it runs none."""
        try:
            objects, started = self.starter.start(asked, execution)
        except RequestRefused:
            return None
        if started.execution_arn != execution.arn:
            return None
        if started.running:
            publish_skipped(self.finisher.events, objects, started)
            return None
        if objects.is_notified():
            return None
        made = objects.find_made() or unmade(objects, started)
        map_run_arn = self.finisher.map_runs.of(execution.arn)
        return self.finisher.finish(objects, made, map_run_arn, clock, early)

    def finish_undelivered(self, asked: dict, sent_at: int, cause: str, clock: Clock) -> dict | None:
        """End the batch of a schedule's event that EventBridge could not start an execution with.

        None: an execution was started all the same.
        """
        nobody = Execution("", asked["id"], sent_at)

        def finish() -> dict | None:
            objects, started = self.starter.start(asked, nobody)
            if started.execution_arn:
                return None
            reason = f"EventBridge could not start its execution: {cause}"
            made = unmade(objects, replace(started, reason=reason))
            return self.finisher.finish(objects, made, None, clock, EarlyEnd(Status.FAILED, reason))

        return self._unless_mistaken(finish, asked, nobody, clock)

    def _unless_mistaken(
        self, finish: Callable[[], dict | None], asked: object, execution: Execution, clock: Clock
    ) -> dict | None:
        """What `finish` gives; a mistake in the code is raised, and the last try's ends the batch without it."""
        try:
            return finish()
        except Exception as error:
            if not is_mistake(error) or self._mistakes_with(execution) < TRIES:
                raise
            logger.exception("given up", execution_arn=execution.arn, name=execution.name)
            return self._give_up(error, asked, execution, clock)

    def _mistakes_with(self, execution: Execution) -> int:
        """Count one more mistake; of two that come at once one may go uncounted."""
        objects, key = JsonObjects(self.starter.client, self.starter.bucket), f"mistakes/{execution.name}.json"
        found = objects.find(key)
        count = found[0]["count"] + 1 if found else 1
        objects.put(key, {"count": count})
        return count

    def _give_up(self, error: Exception, asked: object, execution: Execution, clock: Clock) -> dict | None:
        """End the batch FAILED, with all of it counted as remaining: what became of it is not known."""
        batch_id, generation = batch_id_or(asked, execution.name), generation_or_first(asked)
        objects = BatchObjects(self.starter.client, self.starter.bucket, batch_id, generation)
        started, items, chunks = None, 0, 0
        # Whatever the mistake is about must not keep the batch from its end again.
        with suppress_mistakes():
            started = objects.find_started()
        if started and started.execution_arn != execution.arn:
            return None
        with suppress_mistakes():
            items = unmade(objects, started).items if started else 0
        with suppress_mistakes():
            if made := objects.find_made():
                items, chunks = made.items, made.chunks
        ending = Ending(
            batch_id=batch_id,
            generation=generation,
            architecture="sfn",
            status=Status.FAILED,
            items=items,
            succeeded=0,
            failed=0,
            remaining=items,
            chunks=chunks,
            started_at=execution.started_at,
            finished_at=clock.now(),
            reason=f"a mistake in the code, met {TRIES} times by its finalizer: {error_text(error)}; what became of "
            "its items is not known",
        )
        return self.finisher.end(objects, ending, clock)

    def sweep(self, state_machine_arn: str, clock: Clock) -> None:
        """End what no event told of: those come on a best-effort basis. One that cannot be ended stops no other."""
        now = datetime.now(UTC)

        def end(execution: dict) -> None:
            try:
                self.finish(self.states.describe_execution(executionArn=execution["executionArn"]), clock)
            except Exception:  # noqa: BLE001 - services' and mistakes alike
                logger.exception("not swept, the next sweep tries again", execution_arn=execution["executionArn"])

        listed = self._ended_since(state_machine_arn, now - LONGEST_EXECUTION)
        due = (one for one in listed if now - SWEEP_BACK < one["stopDate"] < now - self.settle)
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(end, due))

    def _ended_since(self, state_machine_arn: str, start: datetime) -> Iterator[dict]:
        """Executions that ended without their finalizer and were started after `start`."""
        for status in STATUS_OF:
            pages = self.states.get_paginator("list_executions").paginate(
                stateMachineArn=state_machine_arn, statusFilter=status
            )
            found = (execution for page in pages for execution in page["executions"])
            yield from takewhile(lambda one: one["startDate"] > start, found)


def epoch_of(time: datetime) -> int:
    """Milliseconds since 1970."""
    return round(time.timestamp() * 1000)


def generation_or_first(asked: object) -> int:
    """The generation that a request starts; the first where it asks for none that there can be."""
    try:
        return generation_of(asked)
    except InvalidRequest:
        return 1


@contextmanager
def suppress_mistakes() -> Iterator[None]:
    """What a service raises passes."""
    try:
        yield
    except Exception as error:
        if not is_mistake(error):
            raise


def unmade(objects: BatchObjects, started: Started) -> Made:
    """A batch whose batcher never got through: all that is known of its items is what was to be run."""
    request = started.request
    items = 0 if request is None or request.input else request.items
    if objects.generation > 1:
        ending = objects.of_generation(objects.generation - 1).find_ending()
        items = ending[0]["detail"]["failed"] + ending[0]["detail"]["remaining"] if ending else 0
    return Made(
        batch_id=objects.batch_id,
        generation=objects.generation,
        started_at=started.started_at,
        items=items,
        chunks=0,
        smallest_chunk=0,
        last_chunk=0,
        tolerated_failure_percentage=request.tolerated_failure_percentage if request else 0,
        reason=started.reason,
    )
