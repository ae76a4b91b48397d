"""Executions as the API and their events show them: children of Map Runs, causes of stops, times.

Stock LocalStack refuses a `mapRunArn`, has no record of child executions, forgets the error and cause of StopExecution,
and publishes status-change events with times as text, where AWS sends milliseconds since 1970.
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

import datetime
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.stepfunctions import ResourceNotFound
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.program_state import ProgramStopped
from localstack.services.stepfunctions.asl.eval.states import ExecutionData
from localstack.services.stepfunctions.backend import execution
from localstack.services.stepfunctions.backend.execution_worker import ExecutionWorker
from localstack.services.stepfunctions.provider import StepFunctionsProvider
from localstack.utils.collections import PaginatedList
from localstack.utils.patch import patch

from sandbox.faults import lists
from sandbox.meter import state_machines
from sandbox.step_functions.map_run import Child, MapRun

_PAGE = 100
"""Executions per page by default: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html"""

_runs: dict[str, MapRun] = {}


def install() -> None:
    """Show child executions through the API, every execution as soon as it was started, and times in events."""
    _correct_events()

    @patch(ExecutionWorker._get_evaluation_environment)
    def _get_evaluation_environment(stock: Any, self: ExecutionWorker) -> Environment:
        return self.env or stock(self)

    @patch(ExecutionWorker.start)
    def start(stock: Any, self: ExecutionWorker) -> None:
        # Stock makes it after it has parsed the definition; until then ListMapRuns and other calls answer 500.
        self.env = self._get_evaluation_environment()
        stock(self)

    @patch(execution.BaseExecutionWorkerCommunication._reflect_execution_status)
    def reflect(stock: Any, self: execution.BaseExecutionWorkerCommunication) -> None:
        stock(self)
        worker = self.execution.exec_worker
        state = worker.env.program_state() if worker and worker.env else None
        if isinstance(state, ProgramStopped):
            self.execution.error, self.execution.cause = state.error, state.cause
        state_machines.ended(self.execution.exec_arn)

    @patch(StepFunctionsProvider.list_executions)
    def list_executions(
        stock: Any, self: Any, context: RequestContext, *arguments: Any, map_run_arn: str | None = None, **options: Any
    ) -> Any:
        if map_run_arn is None:
            return stock(self, context, *arguments, **options)
        if map_run_arn not in _runs:
            raise ResourceNotFound(f"Map Run Does Not Exist: '{map_run_arn}'")
        return _list_children(_runs[map_run_arn], **options)

    @patch(StepFunctionsProvider.describe_execution)
    def describe_execution(stock: Any, self: Any, context: RequestContext, execution_arn: str, **options: Any) -> Any:
        found = _find_child(execution_arn)
        return _description(*found) if found else stock(self, context, execution_arn, **options)


def _correct_events() -> None:
    stock_to_json_str = execution.to_json_str  # type: ignore[attr-defined]

    def to_json_str(value: Any, separators: tuple[str, str] | None = None) -> str:
        if isinstance(value, dict) and isinstance(value.get("startDate"), datetime.datetime):  # an event's detail
            times = {key: value[key] and int(value[key].timestamp() * 1000) for key in ("startDate", "stopDate")}
            value = {**value, **times, "input": value["input"] or "{}"}
        return stock_to_json_str(value, separators)

    execution.to_json_str = to_json_str  # type: ignore[attr-defined,assignment]


def remember(run: MapRun) -> None:
    """Make `run` known to the API."""
    _runs[run.record.map_run_arn] = run


def find_run(map_run_arn: str) -> MapRun:
    """The Map Run with this ARN."""
    return _runs[map_run_arn]


def child_context(parent: ExecutionData, run: MapRun, child: Child) -> ExecutionData:
    """A child's `$$.Execution`: the child itself, not the execution of the Map."""
    return ExecutionData(
        Id=_arn(run, child.name),
        Input=child.input,
        Name=child.name,
        RoleArn=parent["RoleArn"],
        StartTime=f"{child.started:%Y-%m-%dT%H:%M:%S}.{child.started.microsecond // 1000:03d}Z",
    )


def _arn(run: MapRun, name: str) -> str:
    return f"{run.record.map_state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"


def _list_children(
    run: MapRun, status_filter: Any = None, max_results: Any = None, next_token: Any = None, **_: Any
) -> dict[str, Any]:
    shown = ((child, shown_status(child)) for child in reversed(run.children))
    children = [child for child, status in shown if status and status_filter in (None, status)]
    page, token = PaginatedList(children).get_page(lambda child: child.name, next_token, max_results or _PAGE)
    executions = [{**_summary(run, child), "itemCount": 1} for child in page]
    return {"executions": executions, "nextToken": token} if token else {"executions": executions}


def _find_child(execution_arn: str) -> tuple[MapRun, Child] | None:
    for run in list(_runs.values()) if "/" in execution_arn else ():
        if execution_arn.startswith(_arn(run, "")):
            for child in run.children:
                if execution_arn == _arn(run, child.name):
                    return run, child
    return None


def _description(run: MapRun, child: Child) -> dict[str, Any]:
    answer = _summary(run, child)
    if isinstance(child.input, str):
        answer["input"] = child.input
    if child.status == "SUCCEEDED" and child.output is not None:
        answer["output"] = child.output
    return answer | {name: value for name, value in (("error", child.error), ("cause", child.cause)) if value}


def _summary(run: MapRun, child: Child) -> dict[str, Any]:
    """The fields that ListExecutions and DescribeExecution share."""
    status = shown_status(child)
    answer = {
        "executionArn": _arn(run, child.name),
        "stateMachineArn": run.record.map_state_machine_arn,
        "name": child.name,
        "status": status,
        "startDate": child.started,
        "mapRunArn": run.record.map_run_arn,
    }
    return answer | {"stopDate": child.stopped} if child.stopped and status == child.status else answer


def shown_status(child: Child) -> str | None:
    """The status of the child that this call shows; None if the child does not show yet."""
    return lists.shown_status(child.started, child.stopped, child.status)
