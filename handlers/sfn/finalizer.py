"""Finalizer: ends batches, as the state machine's last state and for its queue, which gets executions that failed."""

import functools
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import ClientError

from handlers.aws import Client, settings
from handlers.aws.bucket_owner import own_s3
from handlers.aws.clients import client
from handlers.aws.errors import is_mistake, service_errors_renamed
from handlers.aws.events import Events
from handlers.aws.results import store
from handlers.aws.sqs import Queue, ReturnMessage, SqsEvent, SqsResponse, process_records
from handlers.aws.telemetry import logger
from handlers.core.batch import Status, is_scheduled
from handlers.core.clock import Clock, LambdaContext
from handlers.core.json_text import JsonObject
from handlers.sfn import map_runs
from handlers.sfn.abandoned import STATUS_OF, AbandonedExecutions
from handlers.sfn.finish import EarlyEnd, Finisher, TooEarly
from handlers.sfn.map_runs import CountsDoNotAddUp, MapRuns
from handlers.sfn.start import Execution, Starter, parse_request
from handlers.sfn.states import FinalizerInput, error_in
from handlers.sfn.store import BatchObjects

# A message whose batch cannot be ended yet is redelivered after the first of these, then after twice as long each time,
# up to the last: an account has one call of ListMapRuns and one of DescribeMapRun a second.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
CHECK_AGAIN_SECONDS, LONGEST_CHECK_SECONDS = 5, 60
NO_SUCH_EXECUTION = {"ExecutionDoesNotExist", "InvalidArn"}


@dataclass
class Finalizer:
    """Ends the batches of regular executions itself, and those of others through `abandoned`."""

    s3: Client
    states: Client
    finisher: Finisher
    abandoned: AbandonedExecutions
    bucket: str

    def finalize(self, event: FinalizerInput, clock: Clock) -> JsonObject | None:
        """End the execution's batch: after the Map Run, after an `error`, or without any chunks."""
        error = event.get("error") or {}
        reason = error_in(error) or None
        execution = Execution.from_context(event)
        if "batch" not in event:
            early = EarlyEnd(Status.FAILED, f"its chunks were not made: {reason}")
            return self.abandoned.finish_batch(early, event["request"], execution, clock)
        batch = event["batch"]
        objects = BatchObjects(self.s3, self.bucket, batch["batchId"], batch["generation"])
        made = objects.find_made()
        if not made:
            raise CountsDoNotAddUp(f"made/{objects.name} is not readable yet")
        if error:
            map_run_arn = self.finisher.map_runs.find(execution.arn, objects.part(made).run)
            return self.finisher.finish(objects, made, map_run_arn, clock, EarlyEnd(Status.FAILED, reason))
        return self.finisher.finish(objects, made, event.get("mapRunArn"), clock, None)

    def handle(self, record: SQSRecord, clock: Clock) -> None:
        """Handle an execution's status change, an undelivered event or the sweep. Raises ReturnMessage if too early."""
        try:
            message = json.loads(record.body)
            execution_arn = message.get("source") == "aws.states" and message["detail"]["executionArn"]
        except (ValueError, AttributeError, KeyError, TypeError):
            message, execution_arn = {}, None
        try:
            if execution_arn:
                self._end(execution_arn, clock)
            elif is_scheduled(message):
                self.abandoned.finish_undelivered(
                    message, int(record.attributes.sent_timestamp), cause_of(record), clock
                )
            elif "sweep" in message:
                self.abandoned.sweep(message["sweep"], clock)
            else:
                logger.warning("not for a finalizer, dropped", message_id=record.message_id)
        except Exception as error:
            if is_mistake(error):
                raise
            logger.info("again", error=repr(error), message_id=record.message_id)
            raise ReturnMessage(seconds_to_next_check(error, record)) from error

    def _end(self, execution_arn: str, clock: Clock) -> None:
        # The execution is described, because the event of an execution omits a large input.
        # https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
        try:
            execution = self.states.describe_execution(executionArn=execution_arn)
        except ClientError as error:
            if error.response["Error"]["Code"] not in NO_SUCH_EXECUTION:
                raise
            logger.warning("no such execution, dropped", execution_arn=execution_arn)
            return
        # A child is no batch's execution, and what it failed to do is counted by that of its Map Run.
        if execution["status"] in STATUS_OF and "mapRunArn" not in execution:
            self.abandoned.finish(execution, clock)


def seconds_to_next_check(error: Exception, record: SQSRecord) -> float:
    """As long as functions may run; or else twice as long each time, because an account has few of the calls made."""
    if isinstance(error, TooEarly):
        return error.seconds
    receives = int(record.attributes.approximate_receive_count)
    return float(min(LONGEST_CHECK_SECONDS, CHECK_AGAIN_SECONDS * 2 ** (receives - 1)))


def cause_of(record: SQSRecord) -> str:
    """Why EventBridge moved an event to the dead-letter queue.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """
    attributes = record.message_attributes
    found = (attributes[name] for name in ("ERROR_CODE", "ERROR_MESSAGE") if name in attributes)
    return ": ".join(attribute.string_value for attribute in found if attribute and attribute.string_value)


@functools.cache
def connections() -> tuple[Finalizer, Queue]:
    """The function's finalizer and queue; made once per environment."""
    s3, states, bucket = own_s3(), map_runs.client(), settings.text("BATCH_BUCKET")
    starter = Starter(s3, bucket, lambda body: parse_request(body, settings.request_defaults()))
    events = Events(client("events"), settings.text("EVENT_BUS_NAME"))
    finisher = Finisher(MapRuns(states), events, store(), timedelta(seconds=settings.whole("SETTLE_SECONDS")))
    abandoned = AbandonedExecutions(states, starter, finisher)
    queue = Queue(client("sqs"), settings.text("FINALIZER_QUEUE_URL"))
    return Finalizer(s3, states, finisher, abandoned, bucket), queue


def handler(event: FinalizerInput | SqsEvent, context: LambdaContext) -> JsonObject | SqsResponse:
    """Lambda entry: the state machine's last state, or messages of the finalizer's queue."""
    finalizer, queue = connections()
    clock = Clock(context)
    if "Records" in event:
        return process_records(cast(SqsEvent, event), queue, lambda record: finalizer.handle(record, clock))
    with service_errors_renamed():
        return finalizer.finalize(event, clock) or {}
