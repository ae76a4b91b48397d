"""Runs the children of a Distributed Map in loops of a bounded number of threads."""

import threading
from collections.abc import Iterator
from typing import Any

from localstack.aws.api.stepfunctions import HistoryEventType, MapRunFailedEventDetails, MapRunStatus
from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name import StatesErrorName
from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from localstack.services.stepfunctions.asl.component.common.timeouts.timeout import EvalTimeoutError
from localstack.services.stepfunctions.asl.component.eval_component import EvalComponent
from localstack.services.stepfunctions.asl.component.program.program import Program
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

from sandbox.meter.state_machines import ChildMeter
from sandbox.step_functions.executions import child_context, remember
from sandbox.step_functions.map_run import Child, MapRun
from sandbox.step_functions.metering import express_size

MOST_AT_ONCE = 1000
"""Children at once whatever `MaxConcurrency` says, where AWS runs up to 10,000: each has a thread."""

AT_ONCE_WHEN_UNSET = 40
"""What a laptop bears: the Lambda task of each child has a process."""

_LOOK_SECONDS = 0.1
"""How soon a Map notices that its execution was stopped or timed out while all its children are busy."""


def install() -> None:
    """Replace how Distributed Maps run their children."""
    distributed.DistributedIterationComponent._map_run = _map_run  # type: ignore[method-assign]
    records.MapRunRecord.set_stop = _set_stop  # type: ignore[method-assign]


_stock_set_stop = records.MapRunRecord.set_stop


def _set_stop(self: records.MapRunRecord, status: MapRunStatus) -> None:
    """The first end counts: the stock component calls a Map that was aborted a success afterwards."""
    if self.status == MapRunStatus.RUNNING:
        _stock_set_stop(self, status)


def _map_run(self: Any, env: Environment, eval_input: distributed.DistributedIterationComponentEvalInput) -> None:
    """Run the program of the Map once for each item on the stack; leave the list of outputs there, in item order."""
    items = env.stack.pop()
    record = eval_input.map_run_record
    run = MapRun(record, len(items))
    remember(run)
    children = _Children(self, env, eval_input, items, run)
    limit = min(record.max_concurrency or AT_ONCE_WHEN_UNSET, MOST_AT_ONCE, len(items))
    threads = [threading.Thread(target=children.work, name="map-run", daemon=True) for _ in range(limit)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive() and env.is_running() and not run.too_many_failed():
            thread.join(_LOOK_SECONDS)
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
    """The items of one Map and what became of them, shared by the threads that work on them."""

    def __init__(
        self,
        component: Any,
        env: Environment,
        eval_input: distributed.DistributedIterationComponentEvalInput,
        items: list[Any],
        run: MapRun,
    ) -> None:
        self.outputs: list[Any] = [None] * len(items)
        self._env = env
        self._run = run
        self._program: Program = component._get_iteration_program()
        # Knows how the Map's ItemSelector, or Parameters in older definitions, makes a child's input.
        self._selector = component._create_worker(env=env, eval_input=eval_input, job_pool=None)
        self._items: Iterator[tuple[int, Any]] = enumerate(items)
        self._next = threading.Lock()
        self._stopped = False
        self._express_size = express_size(env, self._program)
        self.defect: Exception | None = None
        """What ended a thread in the middle of its children: a defect of the engine, with which the Map fails."""

    def work(self) -> None:
        """Run children until none is left or the Map is to end."""
        try:
            self._work()
        except Exception as defect:  # noqa: BLE001  whatever it is, nobody else would see it
            self.defect = defect
            self._stopped = True

    def _work(self) -> None:
        while not self._stopped and self._env.is_running() and not self._run.too_many_failed():
            with self._next:
                index, item = next(self._items, (None, None))
            if index is None:
                return
            frame = self._env.open_inner_frame()
            # A history of its own, dropped with the child: nobody can ask for it, and 20,000 of them fill the memory.
            frame.event_manager = EventManager()
            child = self._run.start(index, item)
            try:
                self._evaluate(frame, child, item)
            except RuntimeError:
                # The interpreter sets no next state of what was stopped meanwhile.
                if self._env.is_running():
                    raise
            finally:
                self._end(child, "FAILED", StatesErrorNameType.StatesRuntime.to_name())
                if child.meter and child.stopped:
                    child.meter.end((child.stopped - child.started).total_seconds() * 1000)
                self._env.delete_frame(frame)

    def stop(self) -> None:
        """Start no more children and abort those that run."""
        self._stopped = True
        self._run.abort_running()
        for frame in list(self._env._frames):
            frame.set_stop(stop_date=self._run.record.start_date, cause=None, error=None)

    def _end(self, child: Child, status: str, error: str | None = None, cause: str | None = None) -> None:
        """Count `child` as ended so, unless it was before; as aborted once the execution has ended.

        Whatever is being evaluated then is cut short in the middle, and may look like any failure or success.
        """
        if self._env.is_running():
            self._run.end(child, status, error, cause)
        else:
            self._run.end(child, "ABORTED")

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
            # Program.eval would only add a thread that enforces the program's timeout, and a Map's program has none.
            EvalComponent.eval(self._program, frame)
        except EvalTimeoutError:
            self._end(child, "TIMED_OUT")
        except FailureEventException as failure:
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
                self._run.end(child, "ABORTED")


def _threshold_exceeded(env: Environment) -> FailureEventException:
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html#maprun-fail-threshold"""
    name = StatesErrorName(typ=StatesErrorNameType.StatesExceedToleratedFailureThreshold)
    details = MapRunFailedEventDetails(
        error=name.error_name, cause="The specified tolerated failure threshold was exceeded"
    )
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.MapRunFailed,
            event_details=EventDetails(mapRunFailedEventDetails=details),
        )
    )
