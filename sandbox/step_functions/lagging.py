"""Lists of executions and Map Runs, and the counts of a Map Run, as they show if a fault lets them lag behind."""

from collections import Counter
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.stepfunctions.backend.execution import Execution
from localstack.services.stepfunctions.provider import StepFunctionsProvider
from localstack.utils.patch import patch

from sandbox.faults import lists
from sandbox.step_functions.children import find_run, shown_status
from sandbox.step_functions.map_run import MapRun

_COUNTS = {
    "RUNNING": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "timedOut",
    "ABORTED": "aborted",
}


def install() -> None:
    """Show what `lists` lets show; without a fault that is everything."""
    stock_fits = StepFunctionsProvider._list_execution_filter

    def fits(execution: Any, state_machine_arn: str, status_filter: str | None) -> bool:
        status = lists.shown_status(execution.start_date, execution.stop_date, execution.exec_status)
        return bool(status and stock_fits(execution, state_machine_arn, None) and status_filter in (None, status))

    StepFunctionsProvider._list_execution_filter = staticmethod(fits)  # type: ignore[assignment]

    @patch(Execution.to_execution_list_item)
    def to_execution_list_item(stock: Any, self: Execution) -> Any:
        item = stock(self)
        status = lists.shown_status(self.start_date, self.stop_date, item["status"])
        return item if status == item["status"] else {**item, "status": status, "stopDate": None}

    @patch(StepFunctionsProvider.list_map_runs)
    def list_map_runs(stock: Any, self: Any, context: RequestContext, *arguments: Any, **options: Any) -> Any:
        answer = stock(self, context, *arguments, **options)
        runs = (
            (run, lists.shown_status(run["startDate"], run.get("stopDate"), "STOPPED")) for run in answer["mapRuns"]
        )
        return {
            "mapRuns": [{**run, "stopDate": None} if status == "RUNNING" else run for run, status in runs if status]
        }

    @patch(StepFunctionsProvider.describe_map_run)
    def describe_map_run(stock: Any, self: Any, context: RequestContext, map_run_arn: str, **options: Any) -> Any:
        answer = stock(self, context, map_run_arn, **options)
        run = find_run(map_run_arn) if lists.shown_until() else None
        return _lagging(answer, run) if run else answer


def _lagging(answer: Any, run: MapRun) -> Any:
    """The description, with the status and the counts that show."""
    status = lists.shown_status(answer["startDate"], answer.get("stopDate"), answer["status"])
    if status != answer["status"]:
        answer |= {"status": "RUNNING", "stopDate": None}
    shown = Counter(shown_status(child) for child in run.children)
    for counts in (answer["itemCounts"], answer["executionCounts"]):
        counts |= {name: shown[status] for status, name in _COUNTS.items()}
        counts["resultsWritten"] = counts["succeeded"]
        counts["pending"] = counts["total"] - shown.total() + shown[None]
    return answer
