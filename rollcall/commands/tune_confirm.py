"""`rollcall tune --confirm`: small batches with the best plans' settings, run in the sandbox and metered.

Each batch has a stack of its own, which is deleted afterwards.
"""

import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

from bootstrap.change_sets import accept
from bootstrap.destroy import destroy
from bootstrap.problem import Problem
from costs.facts.prices import PriceBook
from costs.plan.plan import Plan, Planner
from costs.plan.settings import parameter, parameters_of
from costs.tune.confirmation import Confirmation, comparable, item_lines, plans_to_confirm, small_batch
from costs.tune.stack_parameters import in_sandbox
from costs.tune.study import Study
from rollcall.api.batch import Batch, Settings
from rollcall.api.sandbox import deploy_stacks
from rollcall.batches.bill import metered_bill
from rollcall.commands.run import start_to_end
from rollcall.target.connection import Connection
from rollcall.target.meter_client import fetch_when_quiet
from rollcall.terminal.console import stderr

# The sandbox's stacks have quicker values for these; a confirmation has the plan's.
PLANNED = ("processor_timeout", "function_timeout", "max_attempts", "retry_delay_seconds", "check_interval_seconds")


def confirm(study: Study, number: int, connection: Connection, planner: Planner) -> list[Confirmation]:
    """Confirm the best `number` plans, one after the other. Raises Problem if a batch cannot be run or metered."""
    return [confirmed(small_batch(plan, planner), connection, planner.book) for plan in plans_to_confirm(study, number)]


def confirmed(plan: Plan, connection: Connection, book: PriceBook) -> Confirmation:
    """Deploy a stack with the plan's settings, run its batch, meter it, and delete the stack."""
    name, settings, suffix = plan.architecture, plan.settings, f"Tune{uuid.uuid4().hex[:6]}"
    planned = {parameter(field).name: str(getattr(settings, field)) for field in PLANNED}
    values = in_sandbox(plan)[0] | {key: value for key, value in planned.items() if key in parameters_of(name)}
    say(f"{name}: a stack for {plan.workload.items:,} items with these settings")
    own = Connection(connection.session, suffix, connection.endpoint, connection.engine)
    try:
        deploy_stacks(own, say, values, [name], None, accept)
        _, result = start_to_end(batch_of(own, plan))
        if result.status != "SUCCEEDED" and not plan.workload.fail_rate:
            raise Problem(f"the confirming batch {result.batch_id} ended {result.status}", "see `rollcall logs engine`")
        answer = fetch_when_quiet(str(own.endpoint), result.batch_id)
        bill = metered_bill(own, answer, result, book, result.items, result.started_at, settings.child_type)
    finally:
        destroy(connection.session, suffix, [name])
    if bill is None:
        raise Problem(f"the meter does not know the batch {result.batch_id}", "see `rollcall meter`")
    return Confirmation(plan, result.batch_id, result.status, comparable(plan.bill), comparable(bill))


def say(line: str) -> None:
    """Print progress above that of the batch, which has its own display."""
    stderr.print(line, style="dim", markup=False, soft_wrap=True)


def batch_of(connection: Connection, plan: Plan) -> Batch:
    """The plan's batch: of random items, or of a file if the size of an item is given, or one takes long."""
    workload, batch_id = plan.workload, f"tune-{uuid.uuid4().hex[:12]}"
    longest = round(2 * workload.values.mean)
    if workload.item_bytes is None and longest <= 1000:
        random: Settings = {"items": workload.items, "max_value": longest, "fail_rate": workload.fail_rate}
        return Batch.new(connection, plan.architecture, batch_id=batch_id, **random)
    with TemporaryDirectory() as folder:
        path = Path(folder, "items.jsonl")
        path.write_text("".join(f"{line}\n" for line in item_lines(workload)))
        return Batch.new(connection, plan.architecture, batch_id=batch_id, input=path)
