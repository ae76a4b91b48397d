"""Event sources that stop receiving and start anew, every so often while the plan is in force."""

import logging
import threading

from botocore.exceptions import BotoCoreError, ClientError
from localstack.aws.connect import connect_to
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmState
from localstack.utils.aws.arns import parse_arn

from sandbox.faults.active import ActivePlan
from sandbox.faults.plan import Call
from sandbox.pollers.worker import QueueWorker, workers

LOG = logging.getLogger(__name__)


def begin(active: ActivePlan) -> None:
    """Start a thread for each `restart-pollers` of the plan; it ends with the plan."""
    for number, fault in enumerate(active.plan.faults):
        if fault.kind == "restart-pollers":
            threading.Thread(target=_run, args=(active, number), name="restart-pollers", daemon=True).start()


def _run(active: ActivePlan, number: int) -> None:
    while not active.ended.wait(active.plan.faults[number].settings["every"]):
        for worker in workers():
            arn = parse_arn(worker.queue_arn)
            if worker.current_state != EsmState.ENABLED or active.ended.is_set():
                continue
            if hit := active.meet_one(Call(queue=arn["resource"]), number):
                try:
                    _restart(worker, arn["account"], arn["region"])
                except (ClientError, BotoCoreError) as error:
                    hit.withdraw()
                    LOG.warning("cannot restart the event source of %s: %s", worker.queue_arn, error)


def _restart(worker: QueueWorker, account: str, region: str) -> None:
    """An update that changes nothing: the engine makes a new worker, which waits until the old one has stopped."""
    functions = connect_to(aws_access_key_id=account, region_name=region).lambda_
    functions.update_event_source_mapping(UUID=worker.uuid)
