"""Step Functions' waits, retries, timeouts and heartbeats follow the sandbox's clock; its threads count as running."""

import threading
from functools import partial
from types import SimpleNamespace
from typing import Any

from localstack.services.stepfunctions.asl.component.common.retry import retrier_decl
from localstack.services.stepfunctions.asl.component.program import program
from localstack.services.stepfunctions.asl.component.state.state_execution import execute_state
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration import (
    inline_iteration_component,
    job,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_parallel import (
    branch_worker,
    branches_decl,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service import (
    state_task_service_callback,
)
from localstack.services.stepfunctions.asl.eval import environment
from localstack.services.stepfunctions.asl.eval.callback import callback
from localstack.services.stepfunctions.backend import execution_worker

from sandbox.clock import timers

ENDED = timers.Event()
"""Set, and cleared at once, when an execution has ended, while its thread still counts as running."""


class _Look(threading.local):
    ends = -1
    """How often executions had ended before this thread last looked whether one has."""


_look = _Look()


def _sleep(seconds: float) -> None:
    """Wait until an execution ends, or has since this thread looked, or so many seconds."""
    ENDED.poll(seconds, _look.ends)
    _look.ends = ENDED.sets


class ExecutionThread(timers.Thread):
    """A thread of the interpreter. The one that starts a program's waits for its end as long as it may take."""

    counts_as, what = "state of an execution", "an execution times out"


def install() -> None:
    """Replace the threads and the waits of the interpreter's modules."""
    modules: dict[Any, str] = {
        program: "",
        execute_state: "a state times out",
        environment: "a Wait state ends",
        inline_iteration_component: "",
        job: "",
        branch_worker: "",
        branches_decl: "",
    }
    for module, what in modules.items():
        own = {"Thread": ExecutionThread, "Event": partial(timers.Event, what)}
        module.threading = SimpleNamespace(**vars(threading) | own)
    execution_worker.Thread = ExecutionThread  # type: ignore[attr-defined]
    callback.Event = partial(timers.Event, "a task's token or heartbeat times out")  # type: ignore[attr-defined,assignment]
    retrier_decl.time = SimpleNamespace(sleep=partial(timers.sleep, what="a state is tried again"))  # type: ignore[attr-defined,assignment]
    # A task that waits for another execution looks each half second whether that has ended.
    state_task_service_callback.time = SimpleNamespace(sleep=_sleep)  # type: ignore[attr-defined,assignment]
