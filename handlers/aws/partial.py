"""Partial batch responses: one bad message never sends its neighbours back."""

from collections.abc import Callable

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from handlers.aws.queues import Queue
from handlers.aws.telemetry import logger

LONGEST_BACK_OFF = 300


class HandBack(Exception):
    """The message is to come again after `seconds`; no error."""

    def __init__(self, seconds: float):
        super().__init__(f"again in {seconds:.0f} s")
        self.seconds = seconds


def process_records(
    event: dict, context, queue: Queue, handle: Callable[[SQSRecord], None], longest: float = LONGEST_BACK_OFF
) -> dict:
    """Call `handle` for every record and answer in the shape of ReportBatchItemFailures.

    HandBack brings a message back after its seconds; any other error is logged and brings it back after a time that
    doubles with each receive, up to `longest` seconds, for nobody works on it any more and the queue's visibility
    timeout is made for the dead. Nothing is raised: thrown errors would cut the event source's throughput.
    """

    def record_handler(record: SQSRecord) -> None:
        try:
            handle(record)
        except HandBack as back:
            queue.return_after(record.receipt_handle, back.seconds)
            raise
        except Exception:
            seconds = min(longest, 2 ** int(record.attributes.approximate_receive_count))
            logger.exception("message failed, it comes again", message_id=record.message_id, seconds=seconds)
            queue.return_after(record.receipt_handle, seconds)
            raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return dict(process_partial_response(event, record_handler, processor, context))
