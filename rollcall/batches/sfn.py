"""The batches of the Step Functions architecture, read from their executions, Map Runs and objects."""

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bootstrap.open_batches import batch_in, stop
from bootstrap.problem import Problem
from handlers.core.batch import BatchRequest, Redrive, iso
from handlers.sfn.express import LIMIT_SECONDS
from handlers.sfn.map_runs import MapRuns
from handlers.sfn.store import BatchObjects
from rollcall.batches.batch import Progress, Result
from rollcall.target.connection import Connection

NAME_LENGTH = 80
# After an early end the finalizer waits for EXPRESS children, for the processors that children called (an init of 10 s
# and their timeout) and for 7 s more; and it may be late.
FINALIZER_SECONDS = 60.0


class SfnBatches:
    """See `rollcall.batches.batch.Batches`. `start` names the execution after its batch's id."""

    architecture = "sfn"

    def __init__(self, connection: Connection) -> None:
        stack = connection.stack("sfn")
        outputs, parameters = stack.outputs, stack.parameters
        children_seconds = LIMIT_SECONDS if parameters["ChildType"] == "EXPRESS" else 0
        self.event_seconds = children_seconds + float(parameters["ProcessorTimeout"]) + FINALIZER_SECONDS
        self._sfn = connection.client("stepfunctions")
        self._state_machine = outputs["StateMachineArn"]
        self._s3 = connection.s3(self._state_machine.split(":")[4])
        self._input_s3 = connection.s3(outputs["InputBucketOwner"])
        self._bucket = outputs["BatchBucketName"]

    def start(self, request: Mapping[str, Any]) -> None:
        batch_id = request["batchId"]
        if self.latest_generation(batch_id):
            raise Problem(f"there is a batch {batch_id!r} already", f"see it with `rollcall watch {batch_id}`")
        self._sfn.start_execution(stateMachineArn=self._state_machine, name=batch_id, input=json.dumps(request))

    def latest_generation(self, batch_id: str) -> int | None:
        return self.objects(batch_id).latest_generation() or (1 if self.execution(batch_id, 1) else None)

    def observe(self, batch_id: str, generation: int = 1) -> Progress | Result | None:
        objects = self.objects(batch_id, generation)
        ended = ending_of(objects)
        if ended:
            return ended
        execution = self.execution(batch_id, generation)
        if execution is None:
            return None
        trouble, started_at = trouble_of(execution), epoch_ms(execution["startDate"])
        made = objects.find_made()
        if made is None:
            request = json.loads(execution["input"])
            items = request.get("items") if isinstance(request, dict) else None
            return Progress("forming chunks", items, done=0, failed=0, trouble=trouble, started_at=started_at)
        map_run, part = self.map_run(execution["executionArn"]), objects.part(made)
        counts = map_run["itemCounts"] if map_run else {"succeeded": 0, "failed": 0, "timedOut": 0, "aborted": 0}
        children = counts["succeeded"] + counts["failed"] + counts["timedOut"] + counts["aborted"]
        ended_chunks = made.chunks - part.chunks + part.in_children(children)
        return Progress(
            stage="processing" if ended_chunks < made.chunks else "finishing",
            items=made.items,
            done=made.items * ended_chunks // made.chunks if made.chunks else 0,
            failed=sum(count for _, count in objects.failures()),
            chunks=made.chunks,
            trouble=trouble,
            started_at=started_at,
        )

    def last_chunk_done_at(self, batch_id: str, generation: int = 1) -> int | None:
        execution = self.execution(batch_id, generation)
        map_run = self.map_run(execution["executionArn"]) if execution else None
        if map_run is None or not map_run["itemCounts"]["total"] or "stopDate" not in map_run:
            return None
        return epoch_ms(map_run["stopDate"])

    def recent(self, limit: int) -> list[Result]:
        listed = self._sfn.list_executions(stateMachineArn=self._state_machine, maxResults=limit)["executions"]
        executions = (self._sfn.describe_execution(executionArn=found["executionArn"]) for found in listed)
        results = (self._result(execution) for execution in executions)
        # Two executions may have one batch: the later one is a duplicate, which processed nothing.
        found = {(result.batch_id, result.generation): result for result in results if result}
        return list(found.values())

    def failed_items(self, batch_id: str, generation: int = 1) -> Iterator[dict[str, Any]]:
        return self.objects(batch_id, generation).failed_items()

    def request(self, batch_id: str) -> BatchRequest | None:
        started = self.objects(batch_id).find_started()
        return started.request if started else None

    def input_s3(self) -> Any:
        return self._input_s3

    def cancel(self, batch_id: str, generation: int = 1) -> bool:
        execution = self.execution(batch_id, generation)
        if not execution or execution["status"] != "RUNNING":
            return False
        stop(self._sfn, execution["executionArn"])
        return True

    def redrive(self, batch_id: str, generation: int = 1, error: str | None = None) -> None:
        request = BatchRequest(redrive=Redrive(batch_id, generation, error)).to_json()
        ending = f"-redrive-{generation}-{uuid.uuid4().hex[:8]}"
        name = batch_id[: NAME_LENGTH - len(ending)] + ending
        self._sfn.start_execution(stateMachineArn=self._state_machine, name=name, input=json.dumps(request))

    def objects(self, batch_id: str, generation: int = 1) -> BatchObjects:
        """The batch's objects in the batch bucket."""
        return BatchObjects(self._s3, self._bucket, batch_id, generation)

    def execution(self, batch_id: str, generation: int) -> dict[str, Any] | None:
        """The execution that owns the generation. Before it has an owner, a first generation is found by its name."""
        owner = self.objects(batch_id, generation).find_owner()
        if owner:
            return dict(self._sfn.describe_execution(executionArn=owner))
        arn = f"{self._state_machine.replace(':stateMachine:', ':execution:')}:{batch_id}"
        try:
            named = self._sfn.describe_execution(executionArn=arn)
        except self._sfn.exceptions.ExecutionDoesNotExist:
            return None
        return named if batch_in(named) == (batch_id, generation) else None

    def map_run(self, execution_arn: str) -> dict[str, Any] | None:
        """The latest Map Run of an execution."""
        map_runs = MapRuns(self._sfn).of(execution_arn)
        return dict(self._sfn.describe_map_run(mapRunArn=map_runs[-1])) if map_runs else None

    def _result(self, execution: Mapping[str, Any]) -> Result | None:
        """The result of an execution's batch, OPEN before its end; None if the execution runs no batch."""
        batch_id, generation = batch_in(execution)
        objects = self.objects(batch_id, generation)
        ended = ending_of(objects)
        if ended:
            return ended
        if execution["status"] == "SUCCEEDED" and objects.find_owner() != execution["executionArn"]:
            return None
        started_at = iso(epoch_ms(execution["startDate"]))
        return Result(batch_id, self.architecture, "OPEN", generation, started_at=started_at)


def epoch_ms(time: datetime) -> int:
    """A time in milliseconds since 1970."""
    return round(time.timestamp() * 1000)


def ending_of(objects: BatchObjects) -> Result | None:
    """The result of a batch that has ended or was skipped; None before."""
    ending = objects.find_ending()
    if ending:
        return Result.from_detail(ending[0]["detail"])
    started = objects.find_started()
    if not started or not started.running:
        return None
    at, reason = iso(started.started_at), f"{started.running} was still running"
    return Result(
        objects.batch_id, "sfn", "SKIPPED", objects.generation, started_at=at, finished_at=at, reason=reason
    )  # fmt: skip


def trouble_of(execution: Mapping[str, Any]) -> str | None:
    """The status, the error and the cause of an execution that failed; None of any other."""
    if execution["status"] in ("RUNNING", "SUCCEEDED"):
        return None
    cause = ": ".join(execution[name] for name in ("error", "cause") if execution.get(name))
    return f"its execution is {execution['status']}" + (f" ({cause})" if cause else "")
