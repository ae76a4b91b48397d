"""The API calls of an event source mapping: receive and delete as the function's role, invoke as Lambda."""

import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api.lambda_ import FunctionResponseType
from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import get_queue_url, transform_into_events
from localstack.utils.aws.arns import parse_arn
from localstack.utils.aws.client_types import ServicePrincipal
from localstack.utils.event_matcher import matches_event
from localstack.utils.json import BytesEncoder

from sandbox.pollers.batch import PAYLOAD_LIMIT, failed_ids, payloads
from sandbox.pollers.calls import calls, role_access_key
from sandbox.pollers.hands import Hand
from sandbox.pollers.queues import Arrivals

LOG = logging.getLogger(__name__)

MAXIMUM_CONCURRENCY = 5
"""Concurrent batches of a mapping without a limit of its own: AWS starts with these."""

_POLLERS = 200
"""MaximumPollers of provisioned mode if the mapping sets none."""

_CONCURRENCY_OF_POLLER = 10
"""Concurrent invocations of one provisioned poller: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""

_MAX_CONCURRENCY = 1000
"""AWS's maximum of MaximumConcurrency. It holds for provisioned pollers here too: each invocation has a process."""

_CALL_LIMIT = 10
"""Messages per ReceiveMessage and DeleteMessageBatch."""

_PASSING_ERRORS = {"TooManyRequestsException", "ResourceConflictException"}
"""Lambda throttles, or still creates the function."""

Message = dict[str, Any]


def concurrency_of(mapping: Mapping[str, Any]) -> int:
    """The number of batches that the mapping runs at once; AWS reaches it after a ramp, which is left out here."""
    if provisioned := mapping.get("ProvisionedPollerConfig"):
        return min(provisioned.get("MaximumPollers", _POLLERS) * _CONCURRENCY_OF_POLLER, _MAX_CONCURRENCY)
    return (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency") or MAXIMUM_CONCURRENCY


class QueueMapping:
    """The queue and the function of one mapping, by its configuration."""

    def __init__(self, mapping: Mapping[str, Any], role_arn: str) -> None:
        self.queue_arn: str = mapping["EventSourceArn"]
        self.function_arn: str = mapping["FunctionArn"]
        self.concurrency = concurrency_of(mapping)
        self.arrivals = Arrivals(self.queue_arn)
        self._batch_size: int = mapping["BatchSize"]
        self.window_seconds: int = mapping["MaximumBatchingWindowInSeconds"]
        self._partial = FunctionResponseType.ReportBatchItemFailures in mapping.get("FunctionResponseTypes", [])
        filters = mapping.get("FilterCriteria", {}).get("Filters", [])
        self._patterns = [json.loads(criterion["Pattern"]) for criterion in filters]
        self._fifo = self.queue_arn.endswith(".fifo")
        region = parse_arn(self.queue_arn)["region"]
        self._metadata = {"eventSource": "aws:sqs", "eventSourceARN": self.queue_arn, "awsRegion": region}
        self._queue_url = get_queue_url(self.queue_arn)
        served = {"source_arn": self.function_arn, "service_principal": ServicePrincipal.lambda_}
        self._sqs = calls("sqs", region, role_access_key(role_arn, region), **served)
        function = parse_arn(self.function_arn)
        self._lambda = calls("lambda", function["region"], function["account"])

    def visibility_seconds(self) -> float:
        """The queue's visibility timeout. AWS reads it with the role too, which needs sqs:GetQueueAttributes."""
        answer = self._sqs("GetQueueAttributes", QueueUrl=self._queue_url, AttributeNames=["VisibilityTimeout"])
        return float(answer["Attributes"]["VisibilityTimeout"])

    def receive(self, hand: Hand, stopped: threading.Event) -> list[Message]:
        """Up to `BatchSize` messages in `hand`, gathered during the batching window; empty if there are none."""
        with hand.takes():
            messages = self._receive(self._batch_size)
            window_end = time.time() + self.window_seconds
            size = sum(len(message["Body"]) for message in messages)
            while messages and len(messages) < self._batch_size and size < PAYLOAD_LIMIT:
                remaining = window_end - time.time()
                if remaining <= 0 or not self.arrivals.wait_for_more(stopped, remaining, hand):
                    break
                more = self._receive(self._batch_size - len(messages))
                size += sum(len(message["Body"]) for message in more)
                messages += more
        return messages

    def process(self, messages: list[Message], until: float, stopped: threading.Event) -> None:
        """Invoke the function with `messages` and delete those that did not fail.

        An invocation that Lambda refuses for now is repeated until the monotonic time `until`, when the messages are
        redelivered. The function gets the messages of one FIFO group in order; once a part of a group failed, the
        rest of it stays in the queue.
        """
        records = [record | self._metadata for record in transform_into_events(messages)]
        wanted = {record["messageId"] for record in records if self._matches(record)}
        self._delete([message for message in messages if message["MessageId"] not in wanted])
        groups: dict[str, list[int]] = defaultdict(list)
        for index, message in enumerate(messages):
            if message["MessageId"] in wanted:
                groups[message["Attributes"].get("MessageGroupId", "") if self._fifo else ""].append(index)
        for group in groups.values():
            encoded = [json.dumps(records[index], cls=BytesEncoder) for index in group]
            for start, end in payloads(encoded):
                part = [messages[index] for index in group[start:end]]
                failed = self._invoke(encoded[start:end], {message["MessageId"] for message in part}, until, stopped)
                self._delete([message for message in part if message["MessageId"] not in failed])
                if failed and self._fifo:
                    break

    def _receive(self, wanted: int) -> list[Message]:
        answer = self._sqs(
            "ReceiveMessage",
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=min(wanted, _CALL_LIMIT),
            WaitTimeSeconds=0,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return answer.get("Messages") or []

    def _delete(self, messages: list[Message]) -> None:
        for start in range(0, len(messages), _CALL_LIMIT):
            entries = [
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                for index, message in enumerate(messages[start : start + _CALL_LIMIT])
            ]
            self._sqs("DeleteMessageBatch", QueueUrl=self._queue_url, Entries=entries)

    def _matches(self, record: Message) -> bool:
        """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html"""
        if not self._patterns:
            return True
        try:
            record = record | {"body": json.loads(record["body"])}
        except ValueError:
            LOG.debug("the body of message %s is no JSON: filters get its text", record["messageId"])
        return any(matches_event(pattern, record) for pattern in self._patterns)

    def _invoke(self, encoded: list[str], message_ids: set[str], until: float, stopped: threading.Event) -> set[str]:
        payload = ('{"Records": [' + ", ".join(encoded) + "]}").encode()
        pause = 0.1
        while True:
            try:
                answer = self._lambda("Invoke", FunctionName=self.function_arn, Payload=BytesIO(payload))
                break
            except ClientError as error:
                passing = error.response["Error"]["Code"] in _PASSING_ERRORS
                if not passing or time.monotonic() + pause > until or stopped.wait(pause):
                    raise
                pause = min(2 * pause, 1)
        response = answer["Payload"]
        if "FunctionError" in answer:
            return message_ids
        return failed_ids(response, message_ids) if self._partial else set()
