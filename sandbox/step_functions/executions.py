"""Executions as the API and their events show them: causes of stops, times.

Stock LocalStack forgets the error and cause of StopExecution, and publishes status-change events with times as text,
where AWS sends milliseconds since 1970.
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

import datetime
from typing import Any

from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.program_state import ProgramStopped
from localstack.services.stepfunctions.backend import execution
from localstack.services.stepfunctions.backend.execution_worker import ExecutionWorker
from localstack.utils.patch import patch

from sandbox.meter import state_machines
from sandbox.step_functions import kept, waits


def install() -> None:
    """Show every execution as soon as it was started, why it was stopped, and times in events."""
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
        kept.ended(self.execution.exec_arn)
        waits.ENDED.set()
        waits.ENDED.clear()


def _correct_events() -> None:
    stock_to_json_str = execution.to_json_str  # type: ignore[attr-defined]

    def to_json_str(value: Any, separators: tuple[str, str] | None = None) -> str:
        if isinstance(value, dict) and isinstance(value.get("startDate"), datetime.datetime):  # an event's detail
            times = {key: value[key] and int(value[key].timestamp() * 1000) for key in ("startDate", "stopDate")}
            value = {**value, **times, "input": value["input"] or "{}"}
        return stock_to_json_str(value, separators)

    execution.to_json_str = to_json_str  # type: ignore[attr-defined,assignment]
