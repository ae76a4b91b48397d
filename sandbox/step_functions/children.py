"""Child executions of Map Runs in the API; stock LocalStack refuses a `mapRunArn` and has no record of children."""

from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.stepfunctions.asl.eval.states import ExecutionData
from localstack.services.stepfunctions.provider import StepFunctionsProvider
from localstack.utils.collections import PaginatedList
from localstack.utils.patch import patch

from sandbox.faults import lists
from sandbox.step_functions.map_run import Child, MapRun

_PAGE = 100
"""Executions per page by default: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html"""

_runs: dict[str, MapRun] = {}


def install() -> None:
    """Show children through the API."""

    @patch(StepFunctionsProvider.list_executions)
    def list_executions(
        stock: Any, self: Any, context: RequestContext, *arguments: Any, map_run_arn: str | None = None, **options: Any
    ) -> Any:
        if map_run_arn is None:
            return stock(self, context, *arguments, **options)
        if map_run_arn not in _runs:
            # Raises an error if there is none; one that still reads its items has no children.
            self.describe_map_run(context=context, map_run_arn=map_run_arn)
            return {"executions": []}
        return _list_children(_runs[map_run_arn], **options)

    @patch(StepFunctionsProvider.stop_execution)
    def stop_execution(stock: Any, self: Any, context: RequestContext, execution_arn: str, **options: Any) -> Any:
        found = _find_child(execution_arn)
        if not found:
            return stock(self, context, execution_arn, **options)
        run, child = found
        _refuse_express(self, run)
        run.interrupt(child, "ABORTED")
        return {"stopDate": child.stopped}

    @patch(StepFunctionsProvider.get_execution_history)
    def history(stock: Any, self: Any, context: RequestContext, execution_arn: str, **options: Any) -> Any:
        if found := _find_child(execution_arn):
            _refuse_express(self, found[0])
        return stock(self, context, execution_arn, **options)

    @patch(StepFunctionsProvider.describe_execution)
    def describe_execution(stock: Any, self: Any, context: RequestContext, execution_arn: str, **options: Any) -> Any:
        found = _find_child(execution_arn)
        return _description(*found) if found else stock(self, context, execution_arn, **options)


def _refuse_express(provider: Any, run: MapRun) -> None:
    if run.express:
        provider._raise_resource_type_not_in_context(resource_type="express")


def remember(run: MapRun) -> None:
    """Make `run` known to the API."""
    _runs[run.record.map_run_arn] = run


def find_run(map_run_arn: str) -> MapRun | None:
    """The Map Run that `remember` was told of."""
    return _runs.get(map_run_arn)


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
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html"""
    machine = run.record.map_state_machine_arn
    if run.express:
        return f"{machine.replace(':stateMachine:', ':express:')}:{name}:{name}"
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def _list_children(
    run: MapRun, status_filter: Any = None, max_results: Any = None, next_token: Any = None, **_: Any
) -> dict[str, Any]:
    shown = ((child, shown_status(child)) for child in reversed(run.children))
    children = [child for child, status in shown if status and status_filter in (None, status)]
    page, token = PaginatedList(children).get_page(lambda child: child.name, next_token, max_results or _PAGE)
    executions = [{**_summary(run, child), "itemCount": 1} for child in page]
    return {"executions": executions, "nextToken": token} if token else {"executions": executions}


def _find_child(execution_arn: str) -> tuple[MapRun, Child] | None:
    name = execution_arn.rpartition(":")[2]
    for run in list(_runs.values()) if "/" in execution_arn else ():
        if execution_arn == _arn(run, name):
            for child in run.children:
                if child.name == name:
                    return run, child
    return None


def _description(run: MapRun, child: Child) -> dict[str, Any]:
    included = {"included": True}
    answer = _summary(run, child) | {"input": child.input_text(), "inputDetails": included}
    if child.status == "SUCCEEDED" and child.output is not None:
        answer |= {"output": child.output, "outputDetails": included}
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
