"""S3 and Step Functions in memory, as far as the handlers use them and as AWS documents them."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from handlers.core.batch import BatchRequest
from handlers.sfn.store import BatcherOutput, BatchObjects, BatchStart

BUCKET = "bucket"


def refused(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


class S3:
    """boto3's client of one bucket."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.lists = 0

    def put_object(self, Key: str, Body: Any, IfNoneMatch: str = "", **_: Any) -> dict:
        if IfNoneMatch and Key in self.objects:
            raise refused("PreconditionFailed", "PutObject")
        self.objects[Key] = Body if isinstance(Body, bytes) else Body.read()
        return {}

    def get_object(self, Key: str, Range: str = "bytes=0-", **_: Any) -> dict:
        if Key not in self.objects:
            raise refused("NoSuchKey", "GetObject")
        first, last = Range.removeprefix("bytes=").split("-")
        part = self.objects[Key][int(first) : int(last) + 1 if last else None]
        return {"Body": io.BytesIO(part), "ETag": "tag", "LastModified": datetime.now(UTC)}

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, Prefix: str, StartAfter: str, PaginationConfig: dict, **_: Any) -> Iterator[dict]:
        keys = sorted(key for key in self.objects if key.startswith(Prefix) and key > StartAfter)
        size = PaginationConfig["PageSize"]
        for start in range(0, len(keys) or 1, size):
            self.lists += 1
            yield {"Contents": [{"Key": key} for key in keys[start : start + size]]}


class States:
    """boto3's client, of one execution and its Map Runs, the last of which has children: lists of chunks, or one each.

    `shown` of the children of a status can be listed yet; `expired` tokens are refused; `described` counts. The
    children `forgotten` are listed and not known any more.
    """

    def __init__(self, children: dict[str, list[Any]], stopped_at: float = 0, status: str = "SUCCEEDED"):
        self.ended = children
        self.runs = ["run"]
        self.shown = {name: len(each) for name, each in children.items()}
        self.expired = False
        self.forgotten: set[str] = set()
        self.described = 0
        self.sizes: set[int] = set()
        self.stopped_at = stopped_at
        self.status = status

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: [self.list_map_runs()])

    def list_map_runs(self, **_: Any) -> dict:
        return {"mapRuns": [{"mapRunArn": arn, "startDate": number} for number, arn in enumerate(self.runs)]}

    def describe_map_run(self, **_: Any) -> dict:
        names = {"SUCCEEDED": "succeeded", "FAILED": "failed", "TIMED_OUT": "timedOut", "ABORTED": "aborted"}
        counts = {name: len(self.ended.get(status, [])) for status, name in names.items()}
        run: dict[str, Any] = {"status": self.status, "itemCounts": counts}
        return run | ({"stopDate": datetime.fromtimestamp(self.stopped_at, UTC)} if self.stopped_at else {})

    def list_executions(self, statusFilter: str, maxResults: int, nextToken: str = "0", **_: Any) -> dict:
        self.sizes.add(maxResults)
        if self.expired and nextToken != "0":
            raise refused("InvalidToken", "ListExecutions")
        start = int(nextToken)
        found = range(self.shown.get(statusFilter, 0))[start : start + maxResults]
        more = {"nextToken": str(start + maxResults)} if start + maxResults < self.shown.get(statusFilter, 0) else {}
        return {"executions": [{"executionArn": f"{statusFilter} {number}"} for number in found], **more}

    def describe_execution(self, executionArn: str) -> dict:
        self.described += 1
        if executionArn in self.forgotten:
            raise refused("ExecutionDoesNotExist", "DescribeExecution")
        status, number = executionArn.split()
        child = self.ended[status][int(number)]
        chunks = child if isinstance(child, list) else [child]
        batch = {"batchId": "b", "generation": 1, "run": len(self.runs), "maxAttempts": 3}
        outcomes = [{"outcome": chunk.get("outcome", "DONE"), "seq": chunk["seq"]} for chunk in chunks]
        return {
            "status": status,
            "input": json.dumps({"batch": batch, "given": {"chunks": chunks}}),
            "output": json.dumps(outcomes),
            "error": "States.Timeout",
        }


class Time:
    """Lambda's context: a function of so many seconds, which has `left` of them."""

    def __init__(self, seconds: float = 60, left: float | None = None):
        self.first = round(seconds * 1000)
        self.left = self.first if left is None else round(left * 1000)
        self.asked = 0

    def get_remaining_time_in_millis(self) -> int:
        self.asked += 1
        return self.first if self.asked <= 2 else self.left


def chunk(seq: int, count: int = 10) -> dict:
    return {"seq": seq, "items": [{"id": f"{seq}-{index}"} for index in range(count)]}


def made(chunks: int, each: int = 10, tolerated: float = 0) -> BatcherOutput:
    return BatcherOutput("b", 1, 0, chunks * each, chunks, each, each, tolerated)


def objects(s3: S3, generation: int = 1) -> BatchObjects:
    return BatchObjects(s3, BUCKET, "b", generation)


def started(s3: S3, at: int = 0, generation: int = 1, **fields: Any) -> None:
    objects(s3, generation).start(BatchStart("execution", at, BatchRequest(items=100), **fields))
