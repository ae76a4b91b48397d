"""Writes the functions' logs to CloudWatch Logs, in the background and in few calls.

It makes the calls with the function's role, as AWS does, so they count as that role's calls.
"""

import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from localstack.aws.connect import connect_to
from localstack.utils.aws.client_types import ServicePrincipal
from localstack.utils.patch import patch
from moto.logs.models import LogsBackend

from sandbox.clock.clock import CLOCK
from sandbox.clock.stillness import RUNNING
from sandbox.executor.log_records import LogRecord

LOG = logging.getLogger(__name__)

# Records of this time share a call, and of several such times while something runs, unless they are so many characters,
# or somebody reads logs. A call costs a busy engine much.
COLLECT_SECONDS = 5.0
COLLECTIONS = 12
MOST_CHARACTERS = 4_000_000
# Limits of one PutLogEvents call, https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
MAX_EVENTS = 10_000
MAX_BYTES = 1_048_576
EVENT_OVERHEAD = 26
MAX_MESSAGE = 256 * 1024  # Lambda splits a longer message into several events

READING = (
    "describe_log_groups",
    "describe_log_streams",
    "get_log_events",
    "filter_log_events",
    "start_query",
    "delete_log_group",
    "delete_log_stream",
)
"""What moto does for who reads or deletes logs."""


@dataclass(eq=False)
class LogStream:
    """The log of one environment. Once `closed`, it does not create a deleted log group again."""

    role_arn: str
    region: str
    group: str
    name: str
    exists: bool = False
    closed: bool = False


class LogWriter:
    def __init__(self) -> None:
        self._queue: queue.Queue[tuple[LogStream, LogRecord] | threading.Event] = queue.Queue()
        self._wanted = threading.Event()
        self._characters = 0  # since the last calls
        CLOCK.writers.append(self.flush)
        threading.Thread(target=self._run, name="lambda-log-writer", daemon=True).start()

    def write(self, stream: LogStream, record: LogRecord) -> None:
        """Queue `record`, which is written before anybody reads logs."""
        self._queue.put((stream, record))
        self._characters += len(record.message)
        if self._characters >= MOST_CHARACTERS:
            self._wanted.set()

    def flush(self) -> None:
        """Wait until what is queued now is written."""
        written = threading.Event()
        self._queue.put(written)
        self._wanted.set()
        written.wait()

    def _run(self) -> None:
        while True:
            waiting = self._collected()
            pending: dict[LogStream, list[LogRecord]] = defaultdict(list)
            for each in waiting:
                if not isinstance(each, threading.Event):
                    pending[each[0]].append(each[1])
            for stream, records in pending.items():
                try:
                    for batch in _batches(records):
                        self._put(stream, batch)
                except (BotoCoreError, ClientError) as error:
                    LOG.warning("Lost log events of %s %s: %s", stream.group, stream.name, error)
            for each in waiting:
                if isinstance(each, threading.Event):
                    each.set()

    def _collected(self) -> list[tuple[LogStream, LogRecord] | threading.Event]:
        """Wait for something, and until all that has come by then is to be written."""
        first = self._queue.get()
        for _ in range(COLLECTIONS):
            if self._wanted.wait(COLLECT_SECONDS) or not RUNNING.names():
                break
        self._wanted.clear()
        self._characters = 0
        return [first, *(self._queue.get() for _ in range(self._queue.qsize()))]

    def _put(self, stream: LogStream, events: list[dict]) -> None:
        logs = _client(stream.role_arn, stream.region)
        if not stream.exists:
            self._create(logs, stream)
        request = {"logGroupName": stream.group, "logStreamName": stream.name, "logEvents": events}
        try:
            logs.put_log_events(**request)
        except logs.exceptions.ResourceNotFoundException:
            if stream.closed:
                return
            self._create(logs, stream)
            logs.put_log_events(**request)

    def _create(self, logs: Any, stream: LogStream) -> None:
        try:
            logs.create_log_stream(logGroupName=stream.group, logStreamName=stream.name)
        except logs.exceptions.ResourceNotFoundException:
            logs.create_log_group(logGroupName=stream.group)
            logs.create_log_stream(logGroupName=stream.group, logStreamName=stream.name)
        stream.exists = True


@cache
def _client(role_arn: str, region: str) -> Any:
    principal = ServicePrincipal("lambda")
    return connect_to.with_assumed_role(role_arn=role_arn, region_name=region, service_principal=principal).logs


def _batches(records: list[LogRecord]) -> Iterator[list[dict]]:
    batch: list[dict] = []
    size = 0
    for timestamp, message in records:
        for part in _parts(message):
            weight = len(part.encode()) + EVENT_OVERHEAD
            if batch and (size + weight > MAX_BYTES or len(batch) == MAX_EVENTS):
                yield batch
                batch, size = [], 0
            batch.append({"timestamp": timestamp, "message": part})
            size += weight
    if batch:
        yield batch


def _parts(message: str) -> Iterator[str]:
    """The message in parts of at most MAX_MESSAGE bytes, split between characters."""
    encoded, start = message.encode(), 0
    while start < len(encoded):
        part = encoded[start : start + MAX_MESSAGE].decode(errors="ignore")  # without a character that is cut
        yield part
        start += len(part.encode())


WRITER = LogWriter()


def install(_provider: object) -> None:
    """Let who reads logs find all that functions have logged; on AWS it may come seconds later.

    And who deletes logs, or their group would come back with what was logged before.
    """
    for name in READING:

        @patch(getattr(LogsBackend, name))
        def flushed(stock: Any, self: LogsBackend, *args: Any, **kwargs: Any) -> Any:
            WRITER.flush()
            return stock(self, *args, **kwargs)
