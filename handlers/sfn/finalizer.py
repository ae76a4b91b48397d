"""Finalizer: ends batches, as the state machine's last state and for its queue, which tells of all other ends."""

import functools
import json
from datetime import timedelta

import boto3
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import ClientError

from handlers.aws import settings
from handlers.aws.bucket_owner import own_s3
from handlers.aws.errors import is_mistake
from handlers.aws.events import Events
from handlers.aws.partial import HandBack, process_records
from handlers.aws.queues import Queue
from handlers.aws.results import store
from handlers.aws.telemetry import logger
from handlers.core.batch import Status, is_scheduled
from handlers.core.clock import Clock
from handlers.sfn import map_runs
from handlers.sfn.abandoned import STATUS_OF, Ended
from handlers.sfn.counting import CountsDoNotAddUp, EarlyEnd
from handlers.sfn.finishing import Finisher
from handlers.sfn.map_runs import MapRuns
from handlers.sfn.services import told_apart
from handlers.sfn.start import Execution, Starter, parse_request
from handlers.sfn.store import BatchObjects

# How soon a message comes again that could not be dealt with yet.
LOOK_AGAIN_SECONDS = 5
NO_SUCH_EXECUTION = {"ExecutionDoesNotExist", "InvalidArn"}


class Finalizer:
    """`s3` and `states` are boto3's clients."""

    def __init__(self, s3, states, finisher: Finisher, ended: Ended, bucket: str):
        self.s3 = s3
        self.states = states
        self.finisher = finisher
        self.ended = ended
        self.bucket = bucket

    def finalize(self, event: dict, clock: Clock) -> dict | None:
        """The state machine's Finalize state: after the Map Run, after an `error`, or where nothing was made."""
        error = event.get("error") or {}
        reason = ": ".join(filter(None, (error.get("Error"), error.get("Cause")))) or None
        execution = Execution.from_context(event)
        if "batch" not in event:
            early = EarlyEnd(Status.FAILED, f"its chunks were not made: {reason}")
            return self.ended.finish_as(early, event["request"], execution, clock)
        batch = event["batch"]
        objects = BatchObjects(self.s3, self.bucket, batch["batchId"], batch["generation"])
        made = objects.find_made()
        if not made:
            raise CountsDoNotAddUp(f"made/{objects.name} is not readable yet")
        if error:
            map_run_arn = self.finisher.map_runs.of(execution.arn)
            return self.finisher.finish(objects, made, map_run_arn, clock, EarlyEnd(Status.FAILED, reason))
        return self.finisher.finish(objects, made, event.get("mapRunArn"), clock)

    def handle(self, record: SQSRecord, clock: Clock) -> None:
        """A message: an execution's status change, a schedule's event that started none, or the sweep.

        Raises HandBack while its batch cannot be ended yet.
        """
        try:
            message = json.loads(record.body)
            told = message.get("source") == "aws.states" and message["detail"]["executionArn"]
        except (ValueError, AttributeError, KeyError, TypeError):
            logger.warning("not for a finalizer, dropped", message_id=record.message_id)
            return
        try:
            if told:
                self._end(told, clock)
            elif is_scheduled(message):
                self.ended.finish_undelivered(message, sent_at(record), cause_of(record), clock)
            elif "sweep" in message:
                self.ended.sweep(message["sweep"], clock)
            else:
                logger.warning("not for a finalizer, dropped", message_id=record.message_id)
        except Exception as error:
            if is_mistake(error):
                raise
            logger.info("again", error=repr(error), message_id=record.message_id)
            raise HandBack(LOOK_AGAIN_SECONDS) from error

    def _end(self, execution_arn: str, clock: Clock) -> None:
        # Asked for, because an event leaves out an input that is large.
        # https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
        try:
            execution = self.states.describe_execution(executionArn=execution_arn)
        except ClientError as error:
            if error.response["Error"]["Code"] not in NO_SUCH_EXECUTION:
                raise
            logger.warning("no such execution, dropped", execution_arn=execution_arn)
            return
        if execution["status"] in STATUS_OF:
            self.ended.finish(execution, clock)


def sent_at(record: SQSRecord) -> int:
    """Milliseconds since 1970."""
    return int(record.attributes.sent_timestamp)


def cause_of(record: SQSRecord) -> str:
    """What EventBridge says of an event that it gave up.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """
    attributes = record.message_attributes
    told = (attributes[name] for name in ("ERROR_CODE", "ERROR_MESSAGE") if name in attributes)
    return ": ".join(each.string_value for each in told if each and each.string_value)


@functools.cache
def connections() -> tuple[Finalizer, Queue]:
    """This function's finalizer and queue; made once an environment."""
    s3, states, bucket = own_s3(), map_runs.client(), settings.text("BATCH_BUCKET")
    starter = Starter(s3, bucket, lambda asked: parse_request(asked, settings.request_defaults()))
    events = Events(boto3.client("events"), settings.text("EVENT_BUS_NAME"))
    finisher = Finisher(MapRuns(states), events, store())
    ended = Ended(states, starter, finisher, timedelta(seconds=settings.whole("SETTLE_SECONDS")))
    queue = Queue(boto3.client("sqs"), settings.text("FINALIZER_QUEUE_URL"))
    return Finalizer(s3, states, finisher, ended, bucket), queue


def handler(event: dict, context) -> dict:
    """Lambda entry: the state machine's last state, or records of the finalizer's queue."""
    finalizer, queue = connections()
    clock = Clock(context)
    if "Records" in event:
        return process_records(event, context, queue, lambda record: finalizer.handle(record, clock))
    with told_apart():
        return finalizer.finalize(event, clock) or {}
