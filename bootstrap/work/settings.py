"""What the `rollcall.toml` of a work folder says, checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from bootstrap.parameters import COMPUTED, BadParameter, declared, refuse_bad_value
from bootstrap.stacks import STACK_NAMES, template
from bootstrap.work.problem import one_of
from bootstrap.work.secret import KINDS, Secret
from bootstrap.work.toml_file import TomlFile
from bootstrap.work.variables import bad_variable

FILE = "rollcall.toml"
KEYS = (
    *("item_timeout", "permanent_errors", "dependencies", "test_dependencies"),
    *("parameters", "environment", "secrets", "permissions", "resources"),
)
LONGEST_SECONDS = 900
CLASS_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9*]+")


@dataclass(frozen=True)
class Permission:
    """IAM actions on resources, for the functions that run the work and, with `source`, for those that run the source.

    `${Output}` in a resource stands for an output of the own resources.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    source: bool


@dataclass(frozen=True)
class Settings:
    """`parameters` are the stacks'; `environment` and `secrets` are by variable; `resources` is a template's file."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    test_dependencies: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    permissions: tuple[Permission, ...] = ()
    resources: Path | None = None


def read_settings(file: TomlFile, folder: Path) -> Settings:
    """Read the settings of the work folder `folder`. Raises BadWork for whatever a deployment would refuse."""
    file.table((), KEYS)
    environment = read_environment(file)
    return Settings(
        parameters=read_parameters(file),
        dependencies=read_dependencies(file, "dependencies"),
        test_dependencies=read_dependencies(file, "test_dependencies"),
        environment=environment,
        secrets=read_secrets(file, environment),
        permissions=read_permissions(file),
        resources=read_resources(file, folder),
    )


def read_parameters(file: TomlFile) -> dict[str, str]:
    """The stacks' parameters, also those that have a key of their own."""
    known = [declared(template(architecture)) for architecture in STACK_NAMES]
    settable = {name: about for names in known for name, about in names.items() if name not in COMPUTED}
    values: dict[str, str] = {}
    for name, value in file.table(("parameters",)).items():
        keys = ("parameters", name)
        if name not in settable:
            set_by_deploy = any(name in names for names in known)
            unknown = "deploy sets it itself" if set_by_deploy else f"no such parameter: {one_of(name, settable)}"
            raise file.refused(keys, unknown)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise file.refused(keys, f"{value!r:.100} must be a number or a text")
        values[name] = str(value)
        try:
            refuse_bad_value(name, str(value), settable[name])
        except BadParameter as refused:
            raise file.refused(keys, str(refused).removeprefix(f"{name}=")) from refused
    for key, name, value in (("item_timeout", "ItemTimeout", read_item_timeout(file)),
                             ("permanent_errors", "PermanentErrors", read_permanent_errors(file))):  # fmt: skip
        if value and name in values:
            raise file.refused(("parameters", name), f"{key} says it too: remove one of them")
        if value:
            values[name] = value
    return values


def read_item_timeout(file: TomlFile) -> str:
    """The seconds that an item may take; empty if there is no limit."""
    value = file.tables.get("item_timeout")
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_SECONDS:
        raise file.refused(
            ("item_timeout",), f"{value!r:.100} must be seconds, a number above 0 and up to {LONGEST_SECONDS}"
        )
    return f"{value:g}"


def read_permanent_errors(file: TomlFile) -> str:
    """The names of the exceptions after which an item is not tried again, separated by commas."""
    names = file.texts(("permanent_errors",))
    for name in names:
        if not CLASS_NAME.fullmatch(name):
            raise file.refused(
                ("permanent_errors",), f"{name!r:.100} must be the name of a class, such as module.ErrorName"
            )
    return ",".join(names)


def read_dependencies(file: TomlFile, key: str) -> tuple[str, ...]:
    """The requirements of the work, or of its tests."""
    texts = file.texts((key,))
    for text in texts:
        try:
            Requirement(text)
        except InvalidRequirement as error:
            reason = str(error).splitlines()[0]
            place = "; a file is named `package @ file:///its/place.whl`" if "/" in text or ".whl" in text else ""
            raise file.refused((key,), f"{text!r:.100} is no requirement: {reason}{place}") from error
    return tuple(texts)


def read_environment(file: TomlFile) -> dict[str, str]:
    """The variables' values. A number counts as its text."""
    values = {}
    for name, value in file.table(("environment",)).items():
        keys = ("environment", name)
        if bad := bad_variable(name):
            raise file.refused(keys, bad)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise file.refused(keys, f"{value!r:.100} must be a text, in quotation marks")
        if "\0" in str(value):
            raise file.refused(keys, "no variable can hold a NUL character")
        values[name] = str(value)
    return values


def read_secrets(file: TomlFile, environment: Mapping[str, str]) -> dict[str, Secret]:
    """The places of the variables that are secrets."""
    secrets: dict[str, Secret] = {}
    for name, value in file.table(("secrets",)).items():
        keys = ("secrets", name)
        if bad := bad_variable(name):
            raise file.refused(keys, bad)
        if name in environment:
            raise file.refused(keys, "[environment] has it too: remove one of them")
        kind, _, place = value.partition(":") if isinstance(value, str) else ("", "", "")
        if kind not in KINDS or not KINDS[kind].fullmatch(place):
            # The value may be the secret itself: it must not be shown.
            raise file.refused(
                keys, 'what stands there must be where it is, "ssm:/my/parameter" or "secretsmanager:my/secret"'
            )
        secret = Secret(kind, place)
        if other := next((each for each in secrets if secrets[each] == secret), None):
            raise file.refused(keys, f"{other} is the same secret: remove one of them")
        secrets[name] = secret
    return secrets


def read_permissions(file: TomlFile) -> tuple[Permission, ...]:
    """The permissions, in order."""
    entries = file.tables.get("permissions", [])
    if not isinstance(entries, list):
        raise file.refused(("permissions",), "it must be written [[permissions]], once for each entry")
    return tuple(read_permission(file, number, entry) for number, entry in enumerate(entries))


def read_permission(file: TomlFile, number: int, entry: Any) -> Permission:
    """One permission."""
    keys = ("permissions", number)
    if not isinstance(entry, dict):
        raise file.refused(("permissions",), "it must be written [[permissions]], once for each entry")
    file.table(keys, ("actions", "resources", "source"))
    actions, resources = file.texts((*keys, "actions")), file.texts((*keys, "resources"))
    for action in actions:
        if not ACTION.fullmatch(action):
            raise file.refused((*keys, "actions"), f"{action!r:.100} must be service:Action, such as s3:PutObject")
    for resource in resources:
        if resource != "*" and not resource.startswith(("arn:", "${")):
            raise file.refused((*keys, "resources"), f'{resource!r:.100} must be an ARN, or "*"')
    for name, words in (("actions", actions), ("resources", resources)):
        if not words:
            raise file.refused(keys, f"it must name {name}")
    if not isinstance(source := entry.get("source", False), bool):
        raise file.refused((*keys, "source"), f"{source!r:.100} must be true or false")
    return Permission(tuple(actions), tuple(resources), source)


def read_resources(file: TomlFile, folder: Path) -> Path | None:
    """The file of the own resources' template."""
    name = file.table(("resources",), ("template",)).get("template")
    if name is None:
        if "resources" in file.tables:
            raise file.refused(("resources",), 'it must say template = "resources.yaml", a file of the work folder')
        return None
    if not isinstance(name, str) or not (folder / name).is_file():
        raise file.refused(("resources", "template"), f"{name!r:.100}: there is no such file in {folder}")
    return folder / name
