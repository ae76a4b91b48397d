"""Ends the batches of executions that ended without their finalizer, or that EventBridge could not even start."""

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from handlers.aws import Client
from handlers.aws.errors import TRIES, CheckAgain, is_mistake, reason_of
from handlers.aws.telemetry import logger
from handlers.core.batch import InvalidRequest, Status, batch_id_or, generation_of
from handlers.core.clock import Clock
from handlers.core.json_text import JsonObject
from handlers.sfn.batcher import publish_skipped
from handlers.sfn.express import LIMIT_SECONDS
from handlers.sfn.finish import EarlyEnd, Finisher
from handlers.sfn.map_runs import THREADS
from handlers.sfn.start import Execution, RequestRefused, Starter, epoch_of
from handlers.sfn.store import BatcherOutput, BatchObjects, BatchStart, JsonObjects

STATUS_OF = {"ABORTED": Status.CANCELLED, "TIMED_OUT": Status.EXPIRED, "FAILED": Status.FAILED}
# The error of the state machine's Refused state.
REFUSED = "RequestRefused"
SWEEP_BACK = timedelta(days=2)
# With less than this left no further execution is swept.
STOP_SWEEPING_MS = 15_000
LONGEST_EXECUTION = timedelta(days=16)


@dataclass
class AbandonedExecutions:
    """Ends batches whose execution did not."""

    states: Client
    starter: Starter
    finisher: Finisher

    def finish(self, execution: JsonObject, clock: Clock) -> JsonObject | None:
        """End the batch of an execution that FAILED, TIMED_OUT or was ABORTED; None if it ran no batch.

        `execution` is the answer of DescribeExecution. Raises the errors of Finisher.finish.
        """
        if execution.get("error") == REFUSED:
            return None
        body = json.loads(execution["input"])
        own = Execution(execution["executionArn"], execution["name"], epoch_of(execution["startDate"]))
        cause = " ".join(filter(None, (execution.get("error"), execution.get("cause"))))
        reason = f"execution {execution['status']}" + (f": {cause}" if cause else "")
        early = EarlyEnd(STATUS_OF[execution["status"]], reason, epoch_of(execution["stopDate"]))
        return self._unless_mistaken(lambda: self.finish_batch(early, body, own, clock), early, body, own, clock)

    def finish_batch(self, early: EarlyEnd, body: object, execution: Execution, clock: Clock) -> JsonObject | None:
        """End the batch that `execution` runs, or was to start; None if it runs none."""
        try:
            objects, start = self.starter.start(body, execution)
        except RequestRefused:
            return None
        if start.execution_arn != execution.arn:
            return None
        if start.running:
            publish_skipped(self.finisher.events, objects, start)
            return None
        if objects.is_notified():
            return None
        made = objects.find_made() or unmade(objects, start)
        map_run_arn = self.finisher.map_runs.find(execution.arn, objects.part(made).run)
        return self.finisher.finish(objects, made, map_run_arn, clock, early)

    def finish_undelivered(self, event: JsonObject, sent_at: int, cause: str, clock: Clock) -> JsonObject | None:
        """End the batch of a scheduled event that EventBridge could not deliver; None if an execution was started."""
        none = Execution("", event["id"], sent_at)
        early = EarlyEnd(Status.FAILED, f"EventBridge could not start its execution: {cause}")

        def finish() -> JsonObject | None:
            objects, start = self.starter.start(event, none)
            if start.execution_arn:
                return None
            made = unmade(objects, replace(start, reason=early.reason))
            return self.finisher.finish(objects, made, None, clock, early)

        return self._unless_mistaken(finish, early, event, none, clock)

    def _unless_mistaken(
        self, finish: Callable[[], JsonObject | None], early: EarlyEnd, body: object, execution: Execution, clock: Clock
    ) -> JsonObject | None:
        """Call `finish`. A mistake in the code is counted and raised; after the last try the batch ends without it.

        But not before every EXPRESS child, and every function that one has called, must have ended.
        """
        works_until = early.at + LIMIT_SECONDS * 1000 + self.finisher.grace.total_seconds() * 1000 if early.at else 0
        try:
            return finish()
        except Exception as error:
            if not is_mistake(error) or self._mistakes_with(execution) < TRIES or clock.now() < works_until:
                raise
            logger.exception("a mistake ends the batch", execution_arn=execution.arn, name=execution.name)
            return self._end_uncounted(error, body, execution, clock)

    def _mistakes_with(self, execution: Execution) -> int:
        """Count one more mistake. Of two at the same time one may not be counted."""
        objects, key = JsonObjects(self.starter.client, self.starter.bucket), f"mistakes/{execution.name}.json"
        found = objects.find(key)
        count = int(found[0]["count"]) + 1 if found else 1
        objects.put(key, {"count": count})
        return count

    def _end_uncounted(self, error: Exception, body: object, execution: Execution, clock: Clock) -> JsonObject | None:
        """End the batch FAILED, with all its items counted as remaining, because their fate is not known."""
        batch_id, generation = batch_id_or(body, execution.name), generation_or_first(body)
        objects = BatchObjects(self.starter.client, self.starter.bucket, batch_id, generation)
        output = BatcherOutput(batch_id, generation, execution.started_at)
        start = None
        # The mistake may be in any of these steps, and must not keep the batch from its end again.
        with suppress_mistakes():
            start = objects.find_started()
        if start and start.execution_arn != execution.arn:
            return None
        with suppress_mistakes():
            output = replace(output, items=unmade(objects, start).items if start else 0)
        with suppress_mistakes():
            if made := objects.find_made():
                output = replace(output, items=made.items, chunks=made.chunks)
        reason = f"{reason_of(error, 'finalizer')}; what became of its items is not known"
        return self.finisher.end(objects, output.ending(Status.FAILED, 0, 0, reason, clock.now()), clock)

    def sweep(self, state_machine_arn: str, clock: Clock) -> None:
        """End the batches of which no event came: delivery is best effort. A failure at one batch stops no other.

        If time runs short, the next sweep goes on. Its order is another, so that none of many is left out every time.
        Raises CheckAgain if a batch cannot be ended yet.
        """
        now = datetime.now(UTC)

        def end(execution: JsonObject) -> bool | None:
            if not clock.has(STOP_SWEEPING_MS):
                return None
            try:
                self.finish(self.states.describe_execution(executionArn=execution["executionArn"]), clock)
            except CheckAgain:
                return False
            except Exception:  # noqa: BLE001 - errors of services and mistakes alike
                logger.exception("not swept, the next sweep tries again", execution_arn=execution["executionArn"])
            return True

        listed = self._ended_since(state_machine_arn, now - LONGEST_EXECUTION)
        due = [one for one in listed if now - SWEEP_BACK < one["stopDate"] < now - self.finisher.grace]
        random.shuffle(due)
        with ThreadPoolExecutor(THREADS) as pool:
            swept = list(pool.map(end, due))
        if None in swept:
            logger.warning("no time to sweep all, the next sweep goes on", due=len(due), left=swept.count(None))
        if False in swept:
            raise CheckAgain(f"{swept.count(False)} batches cannot be ended yet")

    def _ended_since(self, state_machine_arn: str, start: datetime) -> Iterator[JsonObject]:
        """The executions that were started after `start` and ended without their finalizer."""
        for status in STATUS_OF:
            pages = self.states.get_paginator("list_executions").paginate(
                stateMachineArn=state_machine_arn, statusFilter=status
            )
            found = (execution for page in pages for execution in page["executions"])
            yield from takewhile(lambda one: one["startDate"] > start, found)


def generation_or_first(request: object) -> int:
    """The generation that a request starts; the first if the request is invalid."""
    try:
        return generation_of(request)
    except InvalidRequest:
        return 1


@contextmanager
def suppress_mistakes() -> Iterator[None]:
    """Suppress mistakes in the code. Errors of services pass."""
    try:
        yield
    except Exception as error:
        if not is_mistake(error):
            raise


def unmade(objects: BatchObjects, start: BatchStart) -> BatcherOutput:
    """The output of a batcher that never finished; `items` is the number that it was to make, 0 if unknown."""
    request = start.request
    items = 0 if request is None or request.input else request.items
    if objects.generation > 1:
        ending = objects.of_generation(objects.generation - 1).find_ending()
        items = ending[0]["detail"]["failed"] + ending[0]["detail"]["remaining"] if ending else 0
    return BatcherOutput(
        batch_id=objects.batch_id,
        generation=objects.generation,
        started_at=start.started_at,
        items=items,
        tolerated_failure_percentage=request.tolerated_failure_percentage if request else 0,
        reason=start.reason,
    )
