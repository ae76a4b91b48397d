"""Both stacks brought up to date: code packed and uploaded, change sets made and carried out, side by side."""

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
    refuse_items_beyond_the_most,
    refuse_sharing_with_code,
    refuse_short_lived_children,
    refuse_unknown,
    settle,
)
from bootstrap.provisioned_mode import end_provisioned_mode
from bootstrap.side_by_side import side_by_side
from bootstrap.stack_description import outputs_of, parameters_of
from bootstrap.stacks import DEFINITION, SANDBOX_PARAMETERS, STACK_NAMES, template

type Progress = Callable[[str], None]


@dataclass(frozen=True)
class StackOutputs:
    """A deployed stack. `change` is created, updated, recreated or unchanged; `changes` are the resources it took."""

    name: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    change: str
    changes: tuple[Change, ...]


def silent(_: str) -> None:
    """Progress that nobody reads."""


def deploy(
    session: Session,
    stacks: Iterable[str] = tuple(STACK_NAMES),
    parameters: Mapping[str, str] | None = None,
    suffix: str = "",
    overlay: Mapping[str, Path] | None = None,
    progress: Progress = silent,
) -> dict[str, StackOutputs]:
    """Bring the stacks (`sqs`, `sfn`) to what the templates, the handlers and `parameters` say now.

    `parameters` go before the sandbox's values and the templates' defaults; one that only one of the stacks has is
    not given to the other. `overlay` replaces files in the functions' zip (see packaging.package). `progress` gets a
    line for everything that is made. Raises DeployFailed, parameters.BadParameter, and what packaging.package raises.
    """
    worker = Stacks(session.client("cloudformation"), is_sandbox(session), progress)
    templates = {name: template(name) for name in stacks}
    known = {name: declared(body) for name, body in templates.items()}
    given = dict(parameters or {})
    refuse_unknown(given, known.values())
    local = SANDBOX_PARAMETERS if is_sandbox(session) else {}
    wanted = {name: settle(names, local, given) for name, names in known.items()}
    buckets = buckets_of(session, progress)
    for values in wanted.values():
        refuse_short_lived_children(values)
        refuse_items_beyond_the_most(values)
        refuse_sharing_with_code(values, buckets.code)
    [architecture] = {values["CpuArchitecture"] for values in wanted.values()}
    made = publish(buckets, package(architecture, overlay))
    if "InputBucket" not in given:
        [prefix] = {values["InputPrefix"] for values in wanted.values()}
        made["InputBucket"] = buckets.ensure_input(prefix)

    def bring(name: str) -> StackOutputs:
        stack, values = STACK_NAMES[name] + suffix, settle(known[name], local, made, given)
        end_provisioned_mode(session, worker, stack, values)
        return bring_stack(worker, stack, templates[name], values)

    return side_by_side(bring, templates)


def publish(buckets: Buckets, code: Package) -> dict[str, str]:
    """Upload what is not there yet; returns the parameters that say where it is."""
    bucket = buckets.ensure_code()
    definition = DEFINITION.read_bytes()
    definition_key = f"definition/{sha256(definition).hexdigest()}.asl.json"
    buckets.upload(code.key, code.zip())
    buckets.upload(definition_key, definition)
    return {"CodeBucket": bucket, "CodeKey": code.key, "DefinitionKey": definition_key}


def bring_stack(stacks: Stacks, name: str, body: str, parameters: Mapping[str, str]) -> StackOutputs:
    """Create, update or leave one stack. Raises DeployFailed."""
    change, changes = stacks.bring(name, body, parameters)
    what = f": {', '.join(sorted(each.resource for each in changes))}" if change == "updated" else ""
    stacks.progress(f"{name}: {change}{what}")
    described = stacks.find(name)
    return StackOutputs(name, outputs_of(described), parameters_of(described), change, tuple(changes))
