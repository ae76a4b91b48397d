"""The threads in which states are carried out: one of its own for a state with a timeout, and for no other.

Stock starts a thread for each state that could have one, and waits three years for its end.
"""

import contextvars
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

from localstack.services.stepfunctions.asl.component.common.timeouts.timeout import TimeoutSeconds
from localstack.services.stepfunctions.asl.component.state.state_execution import execute_state
from localstack.services.stepfunctions.asl.component.state.state_execution.execute_state import ExecutionState
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.utils.patch import patch

from sandbox.step_functions.waits import ExecutionThread

_may_time_out: ContextVar[bool] = ContextVar("whether the state that this thread is about to carry out has a timeout")


def install() -> None:
    """Carry out a state without a timeout in the thread that waits for its end."""
    execute_state.Thread = _thread  # type: ignore[attr-defined,assignment]

    @patch(ExecutionState._evaluate_with_timeout)
    def evaluate_with_timeout(stock: Any, self: ExecutionState, env: Environment) -> None:
        # A state with a heartbeat has one of 60 s without saying so.
        seconds = getattr(self.timeout, "timeout_seconds", None)
        _may_time_out.set(seconds != TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS)
        stock(self, env)


def _thread(**options: Any) -> Any:
    """A thread to start; or, without a timeout, what carries the state out when it is started."""
    return _Thread(**options) if _may_time_out.get() else SimpleNamespace(start=options["target"])


class _Thread(ExecutionThread):
    """A state's thread. It runs in a copy of the context of the thread that makes it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._inherited = contextvars.copy_context()

    def run(self) -> None:
        self._inherited.run(super().run)
