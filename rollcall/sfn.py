"""The batches of the Step Functions architecture, as their executions, Map Runs and objects show them."""

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any

from handlers.batch import batch_id_or, iso
from handlers.sfn.objects import BatchObjects
from rollcall.batches import Progress, Result
from rollcall.connection import Connection
from rollcall.errors import Problem


class SfnBatches:
    """See `rollcall.batches.Batches`. An execution started here has its batch's id as its name."""

    architecture = "sfn"

    def __init__(self, connection: Connection) -> None:
        outputs = connection.stack("sfn").outputs
        self._sfn = connection.client("stepfunctions")
        self._s3 = connection.client("s3")
        self._state_machine = outputs["StateMachineArn"]
        self._bucket = outputs["BatchBucketName"]

    def start(self, request: Mapping[str, Any]) -> None:
        batch_id = request["batchId"]
        if self.exists(batch_id):
            raise Problem(f"there is a batch {batch_id!r} already", f"see it with `rollcall watch {batch_id}`")
        self._sfn.start_execution(stateMachineArn=self._state_machine, name=batch_id, input=json.dumps(request))

    def exists(self, batch_id: str) -> bool:
        return self._execution(batch_id) is not None

    def observe(self, batch_id: str) -> Progress | Result | None:
        objects = self._objects(batch_id)
        ending = objects.find_ending()
        if ending:
            return Result.from_detail(ending[0]["detail"])
        execution = self._execution(batch_id)
        if execution is None:
            return None
        trouble = trouble_of(execution)
        made = objects.find_made()
        if made is None:
            request = json.loads(execution["input"])
            return Progress("forming chunks", request.get("items"), done=0, failed=0, trouble=trouble)
        map_run = self._map_run(execution["executionArn"])
        counts = map_run["itemCounts"] if map_run else {"succeeded": 0, "failed": 0, "timedOut": 0, "aborted": 0}
        ended = counts["succeeded"] + counts["failed"] + counts["timedOut"] + counts["aborted"]
        return Progress(
            stage="processing" if ended < made.chunks else "finishing",
            items=made.items,
            done=made.items * ended // made.chunks if made.chunks else 0,
            failed=sum(objects.failed_by_chunk().values()),
            chunks=made.chunks,
            trouble=trouble,
        )

    def last_chunk_done_at(self, batch_id: str) -> int | None:
        execution = self._execution(batch_id)
        map_run = self._map_run(execution["executionArn"]) if execution else None
        if map_run is None or not map_run["itemCounts"]["total"] or "stopDate" not in map_run:
            return None
        return round(map_run["stopDate"].timestamp() * 1000)

    def recent(self, limit: int) -> list[Result]:
        listed = self._sfn.list_executions(stateMachineArn=self._state_machine, maxResults=limit)["executions"]
        return [self._result(self._sfn.describe_execution(executionArn=found["executionArn"])) for found in listed]

    def failed_items(self, batch_id: str, limit: int) -> list[dict[str, Any]]:
        return list(islice(self._objects(batch_id).failed_items(), limit))

    def _objects(self, batch_id: str) -> BatchObjects:
        return BatchObjects(self._s3, self._bucket, batch_id)

    def _execution(self, batch_id: str) -> dict[str, Any] | None:
        """The execution named after the batch, else the one that owns it: a schedule's has a name of its own."""
        arn = f"{self._state_machine.replace(':stateMachine:', ':execution:')}:{batch_id}"
        try:
            return self._sfn.describe_execution(executionArn=arn)
        except self._sfn.exceptions.ExecutionDoesNotExist:
            owner = self._objects(batch_id).find_owner()
        return self._sfn.describe_execution(executionArn=owner) if owner else None

    def _map_run(self, execution_arn: str) -> dict[str, Any] | None:
        map_runs = self._sfn.list_map_runs(executionArn=execution_arn)["mapRuns"]
        return self._sfn.describe_map_run(mapRunArn=map_runs[0]["mapRunArn"]) if map_runs else None

    def _result(self, execution: Mapping[str, Any]) -> Result:
        """How an execution's batch ended, or what is known of one that has not."""
        batch_id = batch_id_in(execution)
        ending = self._objects(batch_id).find_ending()
        if ending:
            return Result.from_detail(ending[0]["detail"])
        started = round(execution["startDate"].timestamp() * 1000)
        return Result(batch_id, self.architecture, "OPEN", started_at=iso(started))


def batch_id_in(execution: Mapping[str, Any]) -> str:
    """The id of the batch that an execution runs, or would if its request were a good one."""
    return batch_id_or(json.loads(execution["input"]), execution["name"])


def trouble_of(execution: Mapping[str, Any]) -> str | None:
    """How an execution failed, with its error and cause."""
    if execution["status"] in ("RUNNING", "SUCCEEDED"):
        return None
    cause = ": ".join(execution[name] for name in ("error", "cause") if execution.get(name))
    return f"its execution is {execution['status']}" + (f" ({cause})" if cause else "")
