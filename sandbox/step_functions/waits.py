"""Step Functions' waits, retries, timeouts and heartbeats follow the sandbox's clock."""

import threading
from functools import partial
from types import SimpleNamespace

from localstack.services.stepfunctions.asl.component.common.retry import retrier_decl
from localstack.services.stepfunctions.asl.component.program import program
from localstack.services.stepfunctions.asl.component.state.state_execution import execute_state
from localstack.services.stepfunctions.asl.eval import environment
from localstack.services.stepfunctions.asl.eval.callback import callback

from sandbox.clock import timers


class ExecutionThread(timers.Thread):
    """The thread of an execution's states. Another one waits for its end as long as the execution may take."""

    what = "an execution times out"


def install() -> None:
    """Replace the waits of the interpreter's modules."""
    retrier_decl.time = SimpleNamespace(  # type: ignore[attr-defined,assignment]
        sleep=partial(timers.sleep, what="a state is tried again")
    )
    execute_state.threading = SimpleNamespace(  # type: ignore[attr-defined,assignment]
        Event=partial(timers.Event, "a state times out")
    )
    program.threading = SimpleNamespace(Thread=ExecutionThread)  # type: ignore[attr-defined,assignment]
    environment.threading = SimpleNamespace(  # type: ignore[attr-defined,assignment]
        Event=partial(timers.Event, "a Wait state ends"), RLock=threading.RLock
    )
    callback.Event = partial(timers.Event, "a task's token or heartbeat times out")  # type: ignore[attr-defined,assignment]
