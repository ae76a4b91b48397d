"""Inline Maps: their iterations run in a loop, as many at a time as on AWS.

Stock LocalStack 4.14.0 handles the iterations of a thread by recursion, so that near 1,000 of them it raises
RecursionError and the Map never ends; and it starts a thread for each iteration if `MaxConcurrency` is unset. For each
iteration it copies the Map's whole input, and starts a thread that waits for another one.
"""

from typing import Any

from localstack.services.stepfunctions.asl.component.eval_component import EvalComponent
from localstack.services.stepfunctions.asl.component.program.program import Program
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration import (
    inline_iteration_component as inline,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.itemprocessor import (
    inline_item_processor_worker as workers,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.iteration_worker import (
    IterationWorker,
)
from localstack.utils.patch import patch

MAX_CONCURRENCY = 40
"""https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html"""


def install() -> None:
    """Replace the recursion and the copies, and bound the threads of an inline Map."""
    IterationWorker.eval = _eval  # type: ignore[method-assign]
    workers.InlineItemProcessorWorker._eval_input = _eval_input  # type: ignore[method-assign]

    @patch(inline.InlineIterationComponent._eval_body)
    def eval_body(stock: Any, self: Any, env: Any) -> None:
        given = env.stack[-1]
        given.max_concurrency = min(given.max_concurrency or MAX_CONCURRENCY, MAX_CONCURRENCY, len(given.input_items))
        stock(self, env)


class _InThisThread:
    """A Map's program, which has no timeout, carried out by the thread that waits for it."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def eval(self, env: Any) -> None:
        env.next_state_name = self._program.start_at.start_at_name
        EvalComponent.eval(self._program, env)


def _eval(self: Any) -> None:
    """Run iterations until none is left, one has failed, or the worker is stopped."""
    frame, job = self._env.open_frame(), self._job_pool.next_job()
    if job is None:
        self._env.close_frame(frame)
    while job is not None:
        job_frame = frame.open_inner_frame()
        job.job_program = _InThisThread(job.job_program)
        self._eval_job(env=job_frame, job=job)
        frame.close_frame(job_frame)
        ends = isinstance(job.job_output, Exception) or self.stopped()
        following = None if ends else self._job_pool.next_job()
        if following is None:
            if not ends:
                # The last event of an iteration that did not fail is the source of what follows the Map.
                frame.event_history_context.source_event_id = job_frame.event_history_context.last_published_event_id
            # The frame is closed before its last iteration: then the Map goes on.
            self._env.close_frame(frame)
        self._job_pool.close_job(job)
        job = following


def _eval_input(self: Any, env_frame: Any) -> None:
    """Make an iteration's input by the Map's ItemSelector, or by Parameters in older definitions.

    They only read the Map's input, and what they make of it is a copy.
    """
    selector = self._item_selector or self._parameters
    if not selector:
        return
    given = self._env.stack[-1]
    env_frame.states._states_data["input"] = given
    env_frame.stack.append(given)
    selector.eval(env_frame)
    env_frame.states.reset(env_frame.stack[-1])
