"""Tells the meter of the states that executions enter, and whose calls they make."""

import contextvars
import threading
from typing import Any

from localstack.aws.api.stepfunctions import StateMachineType
from localstack.services.stepfunctions.asl.component.common.retry.retry_outcome import RetryOutcome
from localstack.services.stepfunctions.asl.component.program.program import Program
from localstack.services.stepfunctions.asl.component.state.state import CommonStateField
from localstack.services.stepfunctions.asl.component.state.state_execution import execute_state
from localstack.services.stepfunctions.asl.component.state.state_execution.execute_state import ExecutionState
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.state_map import StateMap
from localstack.services.stepfunctions.asl.component.state.state_execution.state_parallel.state_parallel import (
    StateParallel,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.backend.store import sfn_stores

from sandbox.meter import state_machines as meter

_stock_body = CommonStateField._eval_body
_stock_retry = ExecutionState._handle_retry


def install() -> None:
    """Count every state that is entered, and every retry of one."""
    CommonStateField._eval_body = _eval_body  # type: ignore[method-assign]
    ExecutionState._handle_retry = _handle_retry  # type: ignore[method-assign]
    execute_state.Thread = _Thread  # type: ignore[misc]


def express_size(env: Environment, program: Program) -> tuple[int, int]:
    """What the memory of EXPRESS children depends on beside their payload: bytes of definition, Map and Parallel steps.

    The definition is that of the whole state machine, at most 1 MB of the 50 and more that are billed.
    """
    arn = env.states.context_object.context_object_data["StateMachine"]["Id"]
    region, account = arn.split(":")[3:5]
    machine = sfn_stores[account][region].state_machines.get(arn)
    steps = sum(isinstance(state, StateMap | StateParallel) for state in program.states.states.values())
    return len(machine.definition) if machine else 0, steps


class _Thread(threading.Thread):
    """A task's thread, which goes on in the context of the thread that starts it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._inherited = contextvars.copy_context()

    def run(self) -> None:
        self._inherited.run(super().run)


def _eval_body(self: CommonStateField, env: Environment) -> None:
    execution = env.states.context_object.context_object_data["Execution"]
    arn = execution["Id"]
    _enter(env)
    with meter.calls_of(arn):
        _stock_body(self, env)
    meter.passed_on(arn, env.states.get_input())


def _handle_retry(self: ExecutionState, env: Environment, failure_event: Any) -> RetryOutcome:
    outcome = _stock_retry(self, env, failure_event)
    if outcome == RetryOutcome.CanRetry:
        _enter(env)
    return outcome


def _enter(env: Environment) -> None:
    if env.execution_type == StateMachineType.STANDARD:
        execution = env.states.context_object.context_object_data["Execution"]
        meter.entered(execution["Id"], execution["Input"])
