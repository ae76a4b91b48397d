"""Executions as the API shows them: children of Map Runs, and why one was stopped.

Stock LocalStack refuses a `mapRunArn`, has no record of child executions, and forgets StopExecution's error and cause.
"""

from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.stepfunctions import (
    DescribeExecutionOutput,
    ExecutionListItem,
    ExecutionStatus,
    ListExecutionsOutput,
    ResourceNotFound,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.program_state import ProgramStopped
from localstack.services.stepfunctions.asl.eval.states import ExecutionData
from localstack.services.stepfunctions.backend.execution import BaseExecutionWorkerCommunication
from localstack.services.stepfunctions.backend.execution_worker import ExecutionWorker
from localstack.services.stepfunctions.provider import StepFunctionsProvider
from localstack.utils.collections import PaginatedList

from sandbox.meter import state_machines
from sandbox.step_functions.map_run import Child, MapRun

_PAGE = 100
"""Executions per page unless asked otherwise: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html"""

_runs: dict[str, MapRun] = {}

_stock_list_executions = StepFunctionsProvider.list_executions
_stock_describe_execution = StepFunctionsProvider.describe_execution
_stock_start = ExecutionWorker.start
_stock_environment = ExecutionWorker._get_evaluation_environment
_stock_reflect = BaseExecutionWorkerCommunication._reflect_execution_status


def install() -> None:
    """Show child executions through the API, and let it ask about an execution as soon as it was started."""
    ExecutionWorker.start = _start  # type: ignore[method-assign]
    ExecutionWorker._get_evaluation_environment = _environment  # type: ignore[method-assign]
    BaseExecutionWorkerCommunication._reflect_execution_status = _reflect  # type: ignore[method-assign]
    StepFunctionsProvider.list_executions = _list_executions  # type: ignore[method-assign,assignment]
    StepFunctionsProvider.describe_execution = _describe_execution  # type: ignore[method-assign,assignment]


def remember(run: MapRun) -> None:
    """Make `run` known to the API."""
    _runs[run.record.map_run_arn] = run


def child_context(parent: ExecutionData, run: MapRun, child: Child) -> ExecutionData:
    """What a child sees as `$$.Execution`: itself, not the execution that its Map runs in."""
    return ExecutionData(
        Id=_arn(run, child),
        Input=child.input,
        Name=child.name,
        RoleArn=parent["RoleArn"],
        StartTime=f"{child.started:%Y-%m-%dT%H:%M:%S}.{child.started.microsecond // 1000:03d}Z",
    )


def _start(self: ExecutionWorker) -> None:
    # The stock worker makes it after it has parsed the definition: until then ListMapRuns and others answer 500.
    self.env = _stock_environment(self)
    _stock_start(self)


def _environment(self: ExecutionWorker) -> Environment:
    return self.env or _stock_environment(self)


def _reflect(self: BaseExecutionWorkerCommunication) -> None:
    _stock_reflect(self)
    worker = self.execution.exec_worker
    state = worker.env.program_state() if worker and worker.env else None
    if isinstance(state, ProgramStopped):
        self.execution.error, self.execution.cause = state.error, state.cause
    state_machines.ended(self.execution.exec_arn)


def _arn(run: MapRun, child: Child) -> str:
    return f"{run.record.map_state_machine_arn.replace(':stateMachine:', ':execution:')}:{child.name}"


def _list_executions(
    self: StepFunctionsProvider,
    context: RequestContext,
    state_machine_arn: Any = None,
    status_filter: Any = None,
    max_results: Any = None,
    next_token: Any = None,
    map_run_arn: str | None = None,
    **kwargs: Any,
) -> ListExecutionsOutput:
    if map_run_arn is None:
        return _stock_list_executions(
            self, context, state_machine_arn, status_filter, max_results, next_token, **kwargs
        )
    run = _run(map_run_arn)
    children = [child for child in reversed(run.children) if status_filter in (None, child.status)]
    page, token = PaginatedList(children).get_page(lambda child: child.name, next_token, max_results or _PAGE)
    answer = ListExecutionsOutput(executions=[_list_item(run, child) for child in page])
    if token:
        answer["nextToken"] = token
    return answer


def _list_item(run: MapRun, child: Child) -> ExecutionListItem:
    item = ExecutionListItem(
        executionArn=_arn(run, child),
        stateMachineArn=run.record.map_state_machine_arn,
        name=child.name,
        status=ExecutionStatus(child.status),
        startDate=child.started,
        mapRunArn=run.record.map_run_arn,
        itemCount=1,
    )
    if child.stopped:
        item["stopDate"] = child.stopped
    return item


def _describe_execution(
    self: StepFunctionsProvider, context: RequestContext, execution_arn: str, **kwargs: Any
) -> DescribeExecutionOutput:
    parent, _, name = execution_arn.rpartition(":")
    for run in list(_runs.values()) if "/" in parent else []:
        if parent == run.record.map_state_machine_arn.replace(":stateMachine:", ":execution:"):
            for child in run.children:
                if child.name == name:
                    return _describe_child(run, child)
    return _stock_describe_execution(self, context, execution_arn, **kwargs)


def _describe_child(run: MapRun, child: Child) -> DescribeExecutionOutput:
    answer = DescribeExecutionOutput(
        executionArn=_arn(run, child),
        stateMachineArn=run.record.map_state_machine_arn,
        name=child.name,
        status=ExecutionStatus(child.status),
        startDate=child.started,
        mapRunArn=run.record.map_run_arn,
    )
    if child.stopped:
        answer["stopDate"] = child.stopped
    if isinstance(child.input, str):
        answer["input"] = child.input
    if child.status == "SUCCEEDED" and child.output is not None:
        answer["output"] = child.output
    if child.error:
        answer["error"] = child.error
    if child.cause:
        answer["cause"] = child.cause
    return answer


def _run(map_run_arn: str) -> MapRun:
    if map_run_arn not in _runs:
        raise ResourceNotFound(f"Map Run Does Not Exist: '{map_run_arn}'")
    return _runs[map_run_arn]
