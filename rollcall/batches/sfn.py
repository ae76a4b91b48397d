"""The batches of the Step Functions architecture, read from their executions, Map Runs and objects."""

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from bootstrap.open_batches import batch_in, stop
from bootstrap.problem import Problem
from handlers.core.batch import BatchRequest, Redrive, iso
from handlers.sfn.express import LIMIT_SECONDS
from handlers.sfn.map_runs import MapRuns
from handlers.sfn.start import RequestRefused
from handlers.sfn.store import BatcherOutput, BatchObjects
from rollcall.batches.batch import Progress, Result
from rollcall.batches.sfn_counts import ChunkCounts, chunk_counts
from rollcall.batches.sight import Children, Counts, Key, Map, Sight, counts_of
from rollcall.batches.sight import epoch_ms as epoch_ms_of
from rollcall.target.connection import Connection

NAME_LENGTH = 80
# After an early end the finalizer waits for EXPRESS children, for the processors that children called (an init of 10 s
# and their timeout) and for 7 s more; and it may be late.
FINALIZER_SECONDS = 60.0
# Of what children have left so much is listed for a look: a page of S3, and the rest counts as done.
LEFT_LISTED = 1000


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
        self._now = connection.now
        self._deadline_seconds = int(parameters["DeadlineSeconds"])
        self._retry_delay_seconds = float(parameters["RetryDelaySeconds"])
        self._keys: dict[str, tuple[str, int]] = {}

    def start(self, request: Mapping[str, Any]) -> None:
        batch_id = request["batchId"]
        if self.latest_generation(batch_id):
            raise Problem(f"there is a batch {batch_id!r} already", f"see it with `rollcall watch {batch_id}`")
        self._sfn.start_execution(stateMachineArn=self._state_machine, name=batch_id, input=json.dumps(request))

    def latest_generation(self, batch_id: str) -> int | None:
        return self.objects(batch_id).latest_generation() or (1 if self.execution(batch_id, 1) else None)

    def observe(self, batch_id: str, generation: int = 1) -> Progress | Result | None:
        return self._look(batch_id, generation)[0]

    def _look(self, batch_id: str, generation: int) -> tuple[Progress | Result | None, Map]:
        """What `observe` returns, and the chunks of a batch that runs; none before they are made."""
        objects = self.objects(batch_id, generation)
        if ended := ending_of(objects):
            return ended, Map()
        execution = self.execution(batch_id, generation)
        if execution is None:
            return None, Map()
        trouble, started_at = trouble_of(execution), epoch_ms(execution["startDate"])
        made = objects.find_made()
        if made is None:
            request = json.loads(execution["input"])
            items = request.get("items") if isinstance(request, dict) else None
            return Progress("forming chunks", items, done=0, failed=0, trouble=trouble, started_at=started_at), Map()
        chunks, of = self._chunks(objects, made, execution["executionArn"])
        progress = Progress(
            stage="processing" if chunks.ended < made.chunks else "finishing",
            items=made.items,
            done=made.items * chunks.ended // made.chunks if made.chunks else 0,
            failed=sum(count for _, count in objects.failures()),
            chunks=made.chunks,
            trouble=trouble,
            started_at=started_at,
        )
        return progress, Map(counted=chunks.by_state(), children=of)

    def _chunks(self, objects: BatchObjects, made: BatcherOutput, execution_arn: str) -> tuple[ChunkCounts, Children]:
        """The chunks by the state of their children, and the children of the latest Map Run."""
        part, map_runs = objects.part(made), MapRuns(self._sfn)
        # The batcher has told of a further Map Run before that begins.
        arn = map_runs.find(execution_arn, part.run)
        counts: dict[str, int] = map_runs.describe(arn)["itemCounts"] if arn else {}
        left = sum(1 for _ in islice(objects.names_left(part.run), LEFT_LISTED)) if counts.get("succeeded") else 0
        oldest = self._oldest(arn) if arn and counts["running"] else ()
        children = Children(part.per_child, counts.get("running", 0), counts.get("pending", 0), oldest)
        return chunk_counts(made, part, counts, left), children

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

    def listed(self, limit: int) -> list[tuple[str, int]]:
        found: dict[tuple[str, int], None] = {}
        for listed in self._sfn.list_executions(stateMachineArn=self._state_machine, maxResults=limit)["executions"]:
            arn = listed["executionArn"]
            if arn not in self._keys:
                self._keys[arn] = batch_in(self._sfn.describe_execution(executionArn=arn))
            found[self._keys[arn]] = None
        return list(found)

    def sight(self, batch_id: str, generation: int = 1) -> Sight | None:
        seen, chunks = self._look(batch_id, generation)
        if seen is None:
            return None
        request = self.request(batch_id) or BatchRequest()
        started_at = seen.started_at if isinstance(seen, Progress) else epoch_ms_of(seen.started_at)
        about: dict[str, Any] = {
            "key": Key("sfn", batch_id, generation),
            "at": round(self._now().timestamp() * 1000),
            "items_per_chunk": request.items_per_chunk,
            "retry_seconds": (request.max_attempts - 1) * self._retry_delay_seconds,
            "deadline": started_at + 1000 * self._deadline_seconds if started_at else None,
        }
        if isinstance(seen, Result):
            drained_at = self.last_chunk_done_at(batch_id, generation)
            return Sight(
                seen=seen, counts=counts_of(seen), chunks=ended_map(seen), sealed=True, drained_at=drained_at, **about
            )  # fmt: skip
        if not chunks.children:
            return Sight(seen=seen, counts=Counts(0, 0, 0, 0, seen.items), chunks=chunks, sealed=False, **about)
        items = seen.items or 0
        working = items * dict(chunks.counted)["working"] // chunks.chunks if chunks.chunks else 0
        waiting = max(0, items - seen.done - working)
        counts = Counts(max(0, seen.done - seen.failed), seen.failed, working, waiting, unmade=0)
        return Sight(seen=seen, counts=counts, chunks=chunks, sealed=True, **about)

    def _oldest(self, map_run_arn: str) -> tuple[tuple[str, int], ...]:
        """The names and the starts of children that run, one page of them, the oldest first."""
        listed = self._sfn.list_executions(mapRunArn=map_run_arn, statusFilter="RUNNING", maxResults=1000)
        found = [(child["name"], epoch_ms(child["startDate"])) for child in listed["executions"]]
        return tuple(sorted(found, key=lambda child: child[1]))

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
        if execution.get("error") == RequestRefused.__name__:
            return None
        started_at = iso(epoch_ms(execution["startDate"]))
        return Result(batch_id, self.architecture, "OPEN", generation, started_at=started_at)


def ended_map(result: Result) -> Map:
    """The chunks of a batch that has ended: all of them are done, or nothing tells which are."""
    chunks, items = result.chunks or 0, result.items or 0
    waiting = round(chunks * (result.remaining or 0) / items) if items else 0
    return Map(counted=(("done", chunks - waiting), ("waiting", waiting)))


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
