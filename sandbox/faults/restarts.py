"""Event source mappings that stop receiving and start anew, at an interval, while the plan is in force."""

import threading

from localstack.services.lambda_.event_source_mapping.esm_worker import EsmState
from localstack.utils.aws.arns import parse_arn

from sandbox.faults.active import ActivePlan
from sandbox.faults.plan import Call
from sandbox.pollers.worker import workers


def begin(active: ActivePlan) -> None:
    """Start a thread for each `restart-pollers` of the plan; it ends with the plan."""
    for number, fault in enumerate(active.plan.faults):
        if fault.kind == "restart-pollers":
            threading.Thread(target=_run, args=(active, number), name="restart-pollers", daemon=True).start()


def _run(active: ActivePlan, number: int) -> None:
    while not active.ended.wait(active.plan.faults[number].settings["every"]):
        for worker in workers():
            queue = parse_arn(worker.queue_arn)["resource"]
            if worker.current_state == EsmState.ENABLED and active.meet_some(Call(queue=queue), [number]):
                worker.restart()
