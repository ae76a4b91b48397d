"""Deploys both stacks: packs and uploads the code, then creates and executes a change set for each stack."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from bootstrap.aws import Session, is_sandbox
from bootstrap.bucket import Buckets, buckets_of
from bootstrap.change_sets import Change, Stacks
from bootstrap.packaging import Package, package
from bootstrap.parameters import (
    declared,
    refuse_items_beyond_max_items,
    refuse_more_than_lambda_runs,
    refuse_sharing_with_code,
    refuse_short_lived_children,
    refuse_unknown,
    resolve,
)
from bootstrap.provisioned_mode import end_provisioned_mode
from bootstrap.stacks import (
    DEFINITION,
    SANDBOX_PARAMETERS,
    STACK_NAMES,
    outputs_of,
    parameters_of,
    side_by_side,
    template,
)

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
) -> dict[str, StackOutputs]:
    """Create or update the stacks (`sqs`, `sfn`) from the templates, the handlers and `parameters`.

    `parameters` override the sandbox's values and the templates' defaults. A stack gets those that its template has.
    `overlay` replaces files in the functions' zip (see packaging.package). `progress` is called with a line for every
    change. Raises DeployFailed, parameters.BadParameter, and the exceptions of packaging.package.
    """
    worker = Stacks(session.client("cloudformation"), is_sandbox(session), progress)
    templates = {name: template(name) for name in stacks}
    known = {name: declared(body) for name, body in templates.items()}
    given = dict(parameters or {})
    refuse_unknown(given, known.values())
    local = SANDBOX_PARAMETERS if is_sandbox(session) else {}
    wanted = {name: resolve(names, local, given) for name, names in known.items()}
    buckets = buckets_of(session, progress)
    limit = session.client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    for values in wanted.values():
        refuse_more_than_lambda_runs(values, limit)
        refuse_short_lived_children(values)
        refuse_items_beyond_max_items(values)
        refuse_sharing_with_code(values, buckets.code)
    [architecture] = {values["CpuArchitecture"] for values in wanted.values()}
    made = publish(buckets, package(architecture, overlay))
    if "InputBucket" not in given:
        [prefix] = {values["InputPrefix"] for values in wanted.values()}
        made["InputBucket"] = buckets.ensure_input(prefix)

    def deploy_one(name: str) -> StackOutputs:
        stack, values = STACK_NAMES[name] + suffix, resolve(known[name], local, made, given)
        end_provisioned_mode(session, worker, stack, values)
        return create_or_update(worker, stack, templates[name], values)

    return side_by_side(deploy_one, templates)


def publish(buckets: Buckets, code: Package) -> dict[str, str]:
    """Upload the code and the state machine's definition; returns the parameters with their places."""
    bucket = buckets.ensure_code()
    definition = DEFINITION.read_bytes()
    definition_key = f"definition/{sha256(definition).hexdigest()}.asl.json"
    buckets.upload(code.key, code.zip())
    buckets.upload(definition_key, definition)
    return {"CodeBucket": bucket, "CodeKey": code.key, "DefinitionKey": definition_key}


def create_or_update(stacks: Stacks, name: str, body: str, parameters: Mapping[str, str]) -> StackOutputs:
    """Create or update one stack, unless it is unchanged. Raises DeployFailed."""
    change, changes = stacks.deploy(name, body, parameters)
    names = f": {', '.join(sorted(resource.resource for resource in changes))}" if change == "updated" else ""
    stacks.progress(f"{name}: {change}{names}")
    described = stacks.find(name)
    return StackOutputs(name, outputs_of(described), parameters_of(described), change, tuple(changes))
