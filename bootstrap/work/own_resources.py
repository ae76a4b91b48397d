"""The own resources of the work: a stack of the user's, deployed before ours. Its outputs become variables."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bootstrap.change_sets import Stacks
from bootstrap.parameters import TemplateLoader
from bootstrap.stacks import outputs_of
from bootstrap.work.problem import BadWork
from bootstrap.work.settings import Settings
from bootstrap.work.variables import bad_variable

STACK = "RollcallResources"
# Between two words of an output's name: `BadgeBucket`, `S3BucketARN`.
BETWEEN_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def variable_of(output: str) -> str:
    """The variable that holds an output: `BadgeBucket` -> `BADGE_BUCKET`."""
    return BETWEEN_WORDS.sub("_", output).upper()


def declared_outputs(path: Path) -> list[str]:
    """The names of the outputs of a template. Raises BadWork if it cannot be deployed."""
    try:
        body = yaml.load(path.read_text(), TemplateLoader)  # noqa: S506  # is safe
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise BadWork(f"{path}{where}: it is no YAML: {getattr(error, 'problem', error)}") from error
    if not isinstance(body, dict) or not isinstance(body.get("Resources"), dict):
        raise BadWork(f"{path}: it is no CloudFormation template: it has no Resources")
    for name, about in (body.get("Parameters") or {}).items():
        if not isinstance(about, dict) or "Default" not in about:
            raise BadWork(f"{path}: its parameter {name} has no Default, and it is deployed without parameters")
    return list(body.get("Outputs") or {})


def check_outputs(path: Path, settings: Settings) -> list[str]:
    """The names of the template's outputs. Raises BadWork if one cannot become a variable."""
    outputs = declared_outputs(path)
    seen: dict[str, str] = {}
    for output in outputs:
        name = variable_of(output)
        if bad := bad_variable(name):
            raise BadWork(f"{path}: output {output}: {bad}")
        if name in settings.environment or name in settings.secrets:
            raise BadWork(f"{path}: output {output} becomes the variable {name}, which rollcall.toml has too")
        if name in seen:
            raise BadWork(f"{path}: the outputs {seen[name]} and {output} both become the variable {name}")
        seen[name] = output
    return outputs


def deploy_resources(stacks: Stacks, suffix: str, path: Path) -> dict[str, str]:
    """Create or update the stack; returns its outputs. Raises DeployFailed."""
    name = STACK + suffix
    stacks.deploy(name, path.read_text())
    return outputs_of(stacks.find(name))


def remove_resources(stacks: Stacks, s3: Any, suffix: str) -> None:
    """Delete the stack if there is one. Raises BadWork if a bucket of it still has objects, DeployFailed.

    AWS would refuse to delete the bucket, half way. A sandbox would delete it with its objects.
    """
    name = STACK + suffix
    if not stacks.describe(name):
        return
    for bucket in buckets_to_delete(stacks.cloudformation, name):
        if s3.list_objects_v2(Bucket=bucket, MaxKeys=1).get("KeyCount"):
            raise BadWork(
                f"{name} is not deleted: {bucket}, a bucket of your own resources, still has objects",
                "delete them, then run this command again",
            )
    stacks.delete(name)
    stacks.progress(f"{name}: deleted")


def buckets_to_delete(cloudformation: Any, stack: str) -> list[str]:
    """The names of the buckets that are deleted with a stack: those that its template does not retain."""
    body = cloudformation.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    template = body if isinstance(body, dict) else yaml.load(body, TemplateLoader)  # noqa: S506  # is safe
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    found = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::S3::Bucket"
    }
    return [
        bucket
        for name, bucket in found.items()
        if template["Resources"][name].get("DeletionPolicy", "Delete") == "Delete"
    ]


def current_outputs(stacks: Stacks, suffix: str) -> Mapping[str, Any]:
    """The outputs of the stack as it is deployed now; none if there is no stack."""
    return outputs_of(stacks.describe(STACK + suffix) or {})
