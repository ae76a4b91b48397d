"""The batches of the Step Functions architecture, as their executions, Map Runs and objects show them."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain, islice
from typing import Any

from rollcall.batches import Progress, Result
from rollcall.connection import Connection
from rollcall.errors import Problem

FAILED_KEY = re.compile(r".*/\d+-(\d+)\.json")


class SfnBatches:
    """See `rollcall.batches.Batches`. An execution started here has its batch's id as its name."""

    architecture = "sfn"

    def __init__(self, connection: Connection) -> None:
        stack = connection.stack("sfn")
        self._sfn = connection.client("stepfunctions")
        self._s3 = connection.client("s3")
        self._state_machine = stack.outputs["StateMachineArn"]
        self._bucket = stack.outputs["BatchBucketName"]
        self._defaults = stack.parameters
        self._map_runs: dict[str, str] = {}

    def start(self, request: Mapping[str, Any]) -> None:
        batch_id = request["batchId"]
        if self.exists(batch_id):
            raise Problem(f"there is a batch {batch_id!r} already", f"see it with `rollcall watch {batch_id}`")
        self._sfn.start_execution(stateMachineArn=self._state_machine, name=batch_id, input=json.dumps(request))

    def exists(self, batch_id: str) -> bool:
        return self._execution(batch_id) is not None

    def observe(self, batch_id: str) -> Progress | Result | None:
        if finished := self._finished(batch_id):
            return finished
        execution = self._execution(batch_id)
        if execution is None:
            return None
        request = json.loads(execution["input"])
        items = None if request.get("input") else int(request.get("items", self._defaults.get("Items", 0)))
        trouble = None
        if execution["status"] not in ("RUNNING", "SUCCEEDED"):
            cause = ": ".join(execution[name] for name in ("error", "cause") if execution.get(name))
            trouble = f"its execution {execution['status']}" + (f" ({cause})" if cause else "")
        map_run = self._map_run(execution["executionArn"])
        if map_run is None:
            return Progress("forming chunks", items, done=0, failed=0, trouble=trouble)
        counts = map_run["itemCounts"]
        chunks, ended = counts["total"], counts["total"] - counts["pending"] - counts["running"]
        per_chunk = int(request.get("itemsPerChunk", self._defaults.get("ItemsPerChunk", 1)))
        return Progress(
            stage="processing" if map_run["status"] == "RUNNING" else "finishing",
            items=items,
            done=items if items is not None and chunks == ended > 0 else ended * per_chunk,
            failed=self._count_failed(batch_id),
            chunks=chunks or None,
            trouble=trouble,
        )

    def last_chunk_done_at(self, batch_id: str) -> int | None:
        execution = self._execution(batch_id)
        map_run = self._map_run(execution["executionArn"]) if execution else None
        if map_run is None or not map_run["itemCounts"]["total"] or "stopDate" not in map_run:
            return None
        return round(map_run["stopDate"].timestamp() * 1000)

    def recent(self, limit: int) -> list[Result]:
        executions = self._sfn.list_executions(stateMachineArn=self._state_machine, maxResults=limit)["executions"]
        return [self._finished(execution["name"]) or running(execution) for execution in executions]

    def failed_items(self, batch_id: str, limit: int) -> list[dict[str, Any]]:
        records = (self._json_object(key) or [] for key in self._keys(f"failed/{batch_id}/1/"))
        return list(islice(chain.from_iterable(records), limit))

    def _execution(self, batch_id: str) -> dict[str, Any] | None:
        """The execution named after the batch, else the one that owns it, for the schedule names its own."""
        arn = f"{self._state_machine.replace(':stateMachine:', ':execution:')}:{batch_id}"
        try:
            return self._sfn.describe_execution(executionArn=arn)
        except self._sfn.exceptions.ExecutionDoesNotExist:
            owner = self._json_object(f"started/{batch_id}/1.json")
        return self._sfn.describe_execution(executionArn=owner["executionArn"]) if owner else None

    def _map_run(self, execution_arn: str) -> dict[str, Any] | None:
        if execution_arn not in self._map_runs:
            map_runs = self._sfn.list_map_runs(executionArn=execution_arn)["mapRuns"]
            if not map_runs:
                return None
            self._map_runs[execution_arn] = map_runs[0]["mapRunArn"]
        return self._sfn.describe_map_run(mapRunArn=self._map_runs[execution_arn])

    def _finished(self, batch_id: str) -> Result | None:
        detail = self._json_object(f"finished/{batch_id}/1.json")
        return Result.from_detail(detail) if detail else None

    def _count_failed(self, batch_id: str) -> int:
        """The keys of the failure records tell how many items each holds."""
        matches = (FAILED_KEY.fullmatch(key) for key in self._keys(f"failed/{batch_id}/1/"))
        return sum(int(match[1]) for match in matches if match)

    def _keys(self, prefix: str) -> Iterator[str]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                yield entry["Key"]

    def _json_object(self, key: str) -> Any:
        try:
            return json.load(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"])
        except self._s3.exceptions.NoSuchKey:
            return None


def running(execution: Mapping[str, Any]) -> Result:
    """A batch that has not finished, as far as the list of executions tells."""
    started: datetime = execution["startDate"]
    return Result(
        batch_id=execution["name"],
        architecture="sfn",
        status="OPEN" if execution["status"] == "RUNNING" else execution["status"],
        started_at=started.astimezone().isoformat(timespec="milliseconds"),
    )
