"""Runs the children of a Distributed Map with a bounded number of threads, each one child after another."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from localstack.aws.api.stepfunctions import HistoryEventType, MapRunFailedEventDetails, MapRunStatus
from localstack.services.stepfunctions.asl.component.common.error_name import failure_event as failures
from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name import StatesErrorName
from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from localstack.services.stepfunctions.asl.component.common.timeouts.timeout import EvalTimeoutError
from localstack.services.stepfunctions.asl.component.eval_component import EvalComponent
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration import (
    distributed_iteration_component as distributed,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.itemprocessor import (
    map_run_record as records,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails
from localstack.services.stepfunctions.asl.eval.event.event_manager import EventManager
from localstack.services.stepfunctions.asl.eval.program_state import ProgramEnded, ProgramError
from localstack.services.stepfunctions.asl.eval.states import ItemData, MapData
from localstack.services.stepfunctions.asl.utils.encoding import to_json_str
from localstack.services.stepfunctions.asl.utils.json_path import NoSuchJsonPathError
from localstack.utils.patch import patch

from sandbox.clock.timers import Event
from sandbox.meter.state_machines import ChildMeter
from sandbox.step_functions.children import child_context, find_run, remember
from sandbox.step_functions.express import limit_seconds
from sandbox.step_functions.map_run import Child, MapRun
from sandbox.step_functions.metering import express_size
from sandbox.step_functions.waits import ExecutionThread

MAX_CHILDREN = 1000
"""The most concurrent children, also if `MaxConcurrency` is higher: each has a thread. AWS runs up to 10,000."""

DEFAULT_CHILDREN = 40
"""Concurrent children if `MaxConcurrency` is unset. A laptop can run these: the Lambda task of each has a process."""

_POLL_SECONDS = 0.1
"""Time until a Map notices that its execution was stopped or timed out, while all its children are busy."""


def install() -> None:
    """Replace how Distributed Maps run their children."""
    distributed.DistributedIterationComponent._map_run = _map_run  # type: ignore[method-assign]

    @patch(records.MapRunRecord.set_stop)
    def set_stop(stock: Any, self: records.MapRunRecord, status: MapRunStatus) -> None:
        """Keep the first status of an end: stock turns an aborted Map into a successful one afterwards."""

        def stop() -> None:
            if self.status == MapRunStatus.RUNNING:
                stock(self, status)

        run = find_run(self.map_run_arn)
        if run:
            run.stop(stop)
        else:
            stop()


def _map_run(self: Any, env: Environment, eval_input: distributed.DistributedIterationComponentEvalInput) -> None:
    """Run the Map's program once for each item on the stack, and put the list of outputs there, in item order."""
    items = env.stack.pop()
    record = eval_input.map_run_record
    run = MapRun(record, len(items), express=self._processor_config.express)
    remember(run)
    children = _Children(self, env, eval_input, items, run)
    limit = min(record.max_concurrency or DEFAULT_CHILDREN, MAX_CHILDREN, len(items))
    children.begin(limit)
    while limit and env.is_running() and not children.over.poll(_POLL_SECONDS):
        pass
    if env.is_running() and run.too_many_failed():
        children.stop()
        raise _threshold_exceeded(env)
    if not env.is_running():
        children.stop()
        record.set_stop(MapRunStatus.ABORTED)
    elif children.defect:
        raise RuntimeError(f"a child of {record.map_run_arn} could not be carried out") from children.defect
    env.stack.append(children.outputs)


class _Children:
    """The items of one Map and their outputs, shared by the threads that run its children."""

    def __init__(self, component: Any, env: Environment, eval_input: Any, items: list[Any], run: MapRun) -> None:
        self.outputs: list[Any] = [None] * len(items)
        self._env, self._run = env, run
        self._program = component._get_iteration_program()
        # Makes a child's input by the Map's ItemSelector, or by Parameters in older definitions.
        self._selector = component._create_worker(env=env, eval_input=eval_input, job_pool=None)
        self._items: Iterator[tuple[int, Any]] = enumerate(items)
        self._next = threading.Lock()
        self._stopped = False
        self._working = 0
        """The threads that still take children, or run one that has not ended."""
        self._idle = Event("an EXPRESS child times out")
        """No thread takes or runs children any more."""
        self.over = Event()
        """The same, or too many children have failed."""
        self._express_size = express_size(env, self._program)
        self.defect: Exception | None = None
        """A defect of the engine that ended a thread among its children. The Map fails with it."""
        run.interrupt = self._interrupt

    def begin(self, threads: int) -> None:
        """Run children in so many threads."""
        self._working = threads
        for _ in range(threads):
            self._begin_thread(self._work)
        if threads and self._run.express:
            self._begin_thread(self._end_late_ones)

    def _begin_thread(self, work: Callable[[], None]) -> None:
        ExecutionThread(target=work, name="map-run", daemon=True).start()

    def _work(self) -> None:
        """Run children until none is left or the Map must end."""
        goes_on_in_its_place = False
        try:
            while not self._stopped and self._env.is_running() and not self._run.too_many_failed():
                with self._next:
                    index, item = next(self._items, (None, None))
                child = None if index is None else self._run.start(index, item)
                if child is None:
                    return
                self._run_child(child, item)
                if goes_on_in_its_place := child.interrupted:
                    return
        except Exception as defect:  # noqa: BLE001  an exception that leaves the thread is lost
            self.defect = defect
            self._stopped = True
        finally:
            if not goes_on_in_its_place:
                self._leave()

    def _leave(self) -> None:
        with self._next:
            self._working -= 1
            if not self._working:
                self._idle.set()
                self.over.set()

    def _run_child(self, child: Child, item: Any) -> None:
        frame = child.frame = self._open_frame()
        try:
            self._evaluate(frame, child, item)
        except RuntimeError:
            # The interpreter raises it for a child that was stopped meanwhile and so has no next state.
            if self._env.is_running() and not child.interrupted:
                raise
        finally:
            self._end(child, "FAILED", StatesErrorNameType.StatesRuntime.to_name())
            self._env.delete_frame(frame)
            child.frame = None

    def _open_frame(self) -> Environment:
        frame = self._env.open_inner_frame()
        if self._run.express:
            # The end of the execution ends its frames, and it does not end EXPRESS children.
            self._env.delete_frame(frame)
        # A history of its own, dropped with the child: no API call can read it, and 20,000 would fill the memory.
        frame.event_manager = EventManager()
        return frame

    def _end_late_ones(self) -> None:
        """End EXPRESS children that have run for too long, in the order of their starts, until no child runs."""
        limit, number = limit_seconds(), 0
        while not self._idle.is_set():
            if number == len(self._run.children):
                # One that starts from now on ends after this wait, or later.
                self._idle.wait(limit)
                continue
            child = self._run.children[number]
            left = child.started.timestamp() + limit - time.time()
            if child.status == "RUNNING" and left > 0:
                self._idle.wait(left)
            else:
                self._interrupt(child, "TIMED_OUT")
                number += 1

    def _interrupt(self, child: Child, status: str) -> None:
        """End `child`, whose thread may wait for a function that runs on. Another thread takes its place."""
        frame = child.frame
        if self._run.end(child, status, interrupted=True):
            self._count(child)
            frame.set_timed_out()
            self._begin_thread(self._work)

    def stop(self) -> None:
        """Start no more children, and abort the running ones unless they are EXPRESS."""
        self._stopped = True
        if self._run.express:
            return
        self._run.abort_running()
        for frame in list(self._env._frames):
            frame.set_stop(stop_date=self._run.record.start_date, cause=None, error=None)

    def _end(self, child: Child, status: str, error: str | None = None, cause: str | None = None) -> None:
        """Count the end of `child` with `status`, unless it was counted.

        The end of an execution interrupts its STANDARD children, and such a child may look failed or successful: then
        it counts as aborted.
        """
        if not self._run.express and not self._env.is_running():
            status, error, cause = "ABORTED", None, None
        if self._run.end(child, status, error, cause):
            self._count(child)

    def _count(self, child: Child) -> None:
        """Meter a child that has ended, and tell the Map if too many have failed."""
        if child.meter and child.stopped:
            child.meter.end((child.stopped - child.started).total_seconds() * 1000)
        if self._env.is_running() and self._run.too_many_failed():
            self.over.set()

    def _evaluate(self, frame: Environment, child: Child, item: Any) -> None:
        context = frame.states.context_object.context_object_data
        context["Map"] = MapData(Item=ItemData(Index=child.index, Value=item))
        try:
            frame.states.reset(item)
            frame.stack.append(frame.states.get_input())
            self._selector._eval_input(env_frame=frame)
            child.input = frame.states.get_input()
            parent = context["Execution"]
            own = context["Execution"] = child_context(parent, self._run, child)
            child.meter = ChildMeter(parent["Id"], own["Id"], child.input, *self._express_size)
            frame.next_state_name = self._program.start_at.start_at_name
            # Program.eval would only add a thread for the program's timeout, and a Map's program has none.
            EvalComponent.eval(self._program, frame)
        except EvalTimeoutError:
            self._end(child, "TIMED_OUT")
        except failures.FailureEventException as failure:
            error, cause = failure.extract_error_cause_pair() or (None, None)
            self._end(child, "FAILED", error, cause)
        except NoSuchJsonPathError as error:
            self._end(child, "FAILED", StatesErrorNameType.StatesRuntime.to_name(), str(error))
        else:
            state = frame.program_state()
            if isinstance(state, ProgramError):
                failed = state.error or {}
                self._end(child, "FAILED", failed.get("error"), failed.get("cause"))
            elif isinstance(state, ProgramEnded):
                output = self.outputs[child.index] = frame.states.get_input()
                child.output = to_json_str(output)
                self._end(child, "SUCCEEDED")
            else:
                self._end(child, "ABORTED")


def _threshold_exceeded(env: Environment) -> failures.FailureEventException:
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html#maprun-fail-threshold"""
    name = StatesErrorName(typ=StatesErrorNameType.StatesExceedToleratedFailureThreshold)
    cause = "The specified tolerated failure threshold was exceeded"
    details = EventDetails(mapRunFailedEventDetails=MapRunFailedEventDetails(error=name.error_name, cause=cause))
    return failures.FailureEventException(failures.FailureEvent(env, name, HistoryEventType.MapRunFailed, details))
