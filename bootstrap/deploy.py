"""Deploys both stacks: packs and uploads the code, then creates and executes a change set for each stack."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from bootstrap.alarm_topic import check_alarm_topic
from bootstrap.aws import Session, is_sandbox
from bootstrap.bucket import Buckets, buckets_of
from bootstrap.change_sets import Plan, Stacks, accept
from bootstrap.changes import Change
from bootstrap.functions import function_names, remove_orphans, update_functions, with_other_code
from bootstrap.kept import values_before
from bootstrap.layers import Layer, refuse_too_large, sdk_layer
from bootstrap.packaging import Package, package
from bootstrap.parameters import (
    agreed,
    declared,
    derived,
    refuse_items_beyond_max_items,
    refuse_large_environment,
    refuse_long_items,
    refuse_more_than_lambda_runs,
    refuse_sharing_with_code,
    refuse_short_lived_children,
    refuse_unknown,
    resolve,
)
from bootstrap.provisioned_mode import end_provisioned_mode
from bootstrap.results_bucket import ensure_results
from bootstrap.stacks import (
    DEFINITION,
    STACK_NAMES,
    outputs_of,
    parameters_of,
    side_by_side,
    template,
)
from bootstrap.work.deployment import WorkDeployment
from bootstrap.work.record import find_record
from bootstrap.work.work import read_work

# Such a stack may have kept its code as it was.
SAME_CODE_KEY = ("updated", "unchanged")

type Progress = Callable[[str], None]


@dataclass(frozen=True)
class StackOutputs:
    """A deployed stack. `change` is created, updated, recreated or unchanged; `changes` are those of the resources."""

    name: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    change: str
    changes: tuple[Change, ...]


def silent(_: str) -> None:
    """Progress that is not shown."""


def deploy(
    session: Session,
    stacks: Iterable[str] = tuple(STACK_NAMES),
    parameters: Mapping[str, str] | None = None,
    suffix: str = "",
    overlay: Mapping[str, Path] | None = None,
    progress: Progress = silent,
    work: Path | None = None,
    losing: Callable[[str, str], None] = accept,
    tags: Mapping[str, str] | None = None,
    role: str = "",
) -> dict[str, StackOutputs]:
    """Create or update the stacks (`sqs`, `sfn`) from the templates, the handlers, the work and `parameters`.

    `parameters` override those of the work, which override the sandbox's values or, on AWS, those that the stack has;
    then come the templates' defaults. A stack gets those that its template has. `work` is a work folder, None for the
    example. `overlay` replaces files in the functions' zip (see packaging.package). `progress` is called with a line
    for every change. For `losing`, `tags` and `role` see change_sets.Stacks.

    Raises DeployFailed, BadWork, parameters.BadParameter, and the exceptions of packaging.package and
    dependencies.installed.
    """
    own = read_work(work)
    worker = Stacks(session.client("cloudformation"), is_sandbox(session), progress, losing, tags or {}, role)
    templates = {name: template(name) for name in stacks}
    known = {name: declared(body) for name, body in templates.items()}
    given = {**own.settings.parameters, **(parameters or {})}
    refuse_unknown(given, [declared(template(name)) for name in STACK_NAMES])
    buckets = buckets_of(session, progress)
    ours = {"InputBucket": buckets.input}
    before = {name: values_before(worker, STACK_NAMES[name] + suffix, known[name], given, ours) for name in templates}
    wanted = {name: resolve(known[name], ours, before[name], given) for name in templates}
    if not work:
        ask_about_the_example(worker, buckets, [STACK_NAMES[name] + suffix for name in templates])
    limit = session.client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    for values in wanted.values():
        refuse_more_than_lambda_runs(values, limit)
        refuse_short_lived_children(values)
        refuse_long_items(values)
        refuse_items_beyond_max_items(values)
        check_alarm_topic(session, values)
        refuse_sharing_with_code(values, buckets.code)
    architecture = agreed("CpuArchitecture", wanted)
    for values in wanted.values():
        ensure_results(buckets, values)
    beside = WorkDeployment(session, own, suffix, worker)
    dependencies = beside.check(architecture)
    code, sdk = package({**own.files, **(overlay or {})}), sdk_of(session, architecture)
    refuse_too_large(code, sdk, dependencies)
    made = beside.deploy() | publish_code(buckets, code) | publish_others(buckets, sdk, dependencies)
    for values in wanted.values():
        refuse_large_environment(values | made)
    for prefix in sorted(
        {values["InputPrefix"] for values in wanted.values() if values["InputBucket"] == buckets.input}
    ):
        buckets.ensure_input(prefix)

    def plan(name: str) -> Plan:
        values = resolve(known[name], wanted[name], made, derived(wanted[name]))
        return worker.plan(STACK_NAMES[name] + suffix, templates[name], values)

    def do(plan: Plan) -> StackOutputs:
        end_provisioned_mode(session, worker, plan.name, plan.parameters)
        return put_back(session, code, made, carry_out(worker, plan), progress)

    plans = side_by_side(plan, templates)
    worker.confirm(plans.values())
    deployed = side_by_side(lambda name: do(plans[name]), plans)
    for stack in deployed.values():
        if stack.change == "recreated":
            remove_orphans(session, stack.name, set(function_names(stack.outputs)))
    beside.finish(buckets, {stack.name: stack.outputs for stack in deployed.values()}, parameters or {})
    return deployed


def sdk_of(session: Session, architecture: str) -> Layer:
    """The SDK's layer, whose files a native sandbox finds unpacked."""
    layer = sdk_layer(architecture)
    if is_sandbox(session):
        layer.unpacked()
    return layer


def ask_about_the_example(stacks: Stacks, buckets: Buckets, names: Iterable[str]) -> None:
    """Call `losing` for each stack on AWS that runs somebody's work, in whose place the example is to come."""
    for name in names if not stacks.sandbox else ():
        if (record := find_record(buckets, name)) and record.folder:
            stacks.losing(name, f"it runs the work {record}, and without --work gets the example in its place")


def publish_code(buckets: Buckets, code: Package) -> dict[str, str]:
    """Upload the code; returns the parameters with its place."""
    bucket = buckets.ensure_code()
    buckets.upload(code.key, code.zip())
    return {"CodeBucket": bucket, "CodeKey": code.key}


def publish_others(buckets: Buckets, sdk: Layer, work: Layer | None) -> dict[str, str]:
    """Upload the layers and the state machine's definition; returns the parameters with their places."""
    for layer in filter(None, (sdk, work)):
        buckets.upload(layer.key, layer.zip)
    definition = DEFINITION.read_bytes()
    definition_key = f"definition/{sha256(definition).hexdigest()}.asl.json"
    buckets.upload(definition_key, definition)
    return {"SdkLayerKey": sdk.key, "WorkLayerKey": work.key if work else "", "DefinitionKey": definition_key}


def put_back(
    session: Session, code: Package, place: Mapping[str, str], stack: StackOutputs, progress: Progress
) -> StackOutputs:
    """Give a sandbox's functions the code again that `rollcall dev` has replaced without a change of the stack."""
    names = list(function_names(stack.outputs)) if is_sandbox(session) and stack.change in SAME_CODE_KEY else []
    if not (others := with_other_code(session, names, code.zip())):
        return stack
    progress(f"{stack.name}: {len(others)} of {len(names)} functions had the code of an edit")
    update_functions(session, others, place)
    return replace(stack, change="updated")


def create_or_update(stacks: Stacks, name: str, body: str, parameters: Mapping[str, str]) -> StackOutputs:
    """Create or update one stack, unless it is unchanged. Raises DeployFailed."""
    return carry_out(stacks, stacks.plan(name, body, parameters))


def carry_out(stacks: Stacks, plan: Plan) -> StackOutputs:
    """Do what the plan says, and describe the stack. Raises DeployFailed."""
    changes = stacks.carry_out(plan)
    names = f": {', '.join(sorted(resource.resource for resource in changes))}" if plan.change == "updated" else ""
    stacks.progress(f"{plan.name}: {plan.change}{names}")
    described = stacks.find(plan.name)
    return StackOutputs(plan.name, outputs_of(described), parameters_of(described), plan.change, tuple(changes))
