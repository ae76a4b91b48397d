"""Reports to the meter the states that executions enter, and the execution behind a call."""

from typing import Any

from localstack.aws.api.stepfunctions import StateMachineType
from localstack.services.stepfunctions.asl.component.common.retry.retry_outcome import RetryOutcome
from localstack.services.stepfunctions.asl.component.program.program import Program
from localstack.services.stepfunctions.asl.component.state.state import CommonStateField
from localstack.services.stepfunctions.asl.component.state.state_execution.execute_state import ExecutionState
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.state_map import StateMap
from localstack.services.stepfunctions.asl.component.state.state_execution.state_parallel.state_parallel import (
    StateParallel,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.backend.store import sfn_stores
from localstack.utils.patch import patch

from sandbox.meter import state_machines as meter


def install() -> None:
    """Count every state that an execution enters, and every retry of a state."""

    @patch(CommonStateField._eval_body)
    def eval_body(stock: Any, self: CommonStateField, env: Environment) -> None:
        arn = env.states.context_object.context_object_data["Execution"]["Id"]
        _enter(env)
        with meter.calls_of(arn):
            stock(self, env)
        meter.passed_on(arn, env.states.get_input())

    @patch(ExecutionState._handle_retry)
    def handle_retry(stock: Any, self: ExecutionState, env: Environment, failure_event: Any) -> RetryOutcome:
        outcome = stock(self, env, failure_event)
        if outcome == RetryOutcome.CanRetry:
            _enter(env)
        return outcome


def express_size(env: Environment, program: Program) -> tuple[int, int]:
    """Bytes of the definition, number of Map and Parallel steps: with the payload they set EXPRESS children's memory.

    The definition is the whole state machine's, at most 1 MB of the 50 MB and more that AWS bills.
    """
    arn = env.states.context_object.context_object_data["StateMachine"]["Id"]
    region, account = arn.split(":")[3:5]
    machine = sfn_stores[account][region].state_machines.get(arn)
    steps = sum(isinstance(state, StateMap | StateParallel) for state in program.states.states.values())
    return len(machine.definition) if machine else 0, steps


def _enter(env: Environment) -> None:
    if env.execution_type == StateMachineType.STANDARD:
        execution = env.states.context_object.context_object_data["Execution"]
        meter.entered(execution["Id"], execution["Input"])
