"""Deploys edits of the handlers as they are saved."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path
from threading import Event
from typing import Any

import watchfiles

from bootstrap.aws import Session, is_sandbox
from bootstrap.bucket import buckets_of
from bootstrap.change_sets import Stacks
from bootstrap.deploy import publish, silent
from bootstrap.failures import DeployFailed
from bootstrap.packaging import ROOT, BadOverlay, handlers, package
from bootstrap.stacks import STACK_NAMES, side_by_side
from bootstrap.vendoring import CannotVendor

# Editors write a file in several steps: wait for STEP without a change, but at most for DEBOUNCE.
STEP_MS = 50
DEBOUNCE_MS = 400


def watch(
    session: Session,
    suffix: str = "",
    overlay: Mapping[str, Path] | None = None,
    progress: Callable[[str], None] = print,
    stop: Event | None = None,
) -> None:
    """Deploy every saved edit of `handlers/` and of the overlay's files to both stacks, until `stop` or Ctrl-C.

    `progress` is called with a line for every edit. After an edit that cannot go live the old code stays.
    """
    watched = {ROOT / "handlers", *(source.parent for source in (overlay or {}).values())}
    edits = watchfiles.watch(
        *watched, watch_filter=watchfiles.PythonFilter(), debounce=DEBOUNCE_MS, step=STEP_MS, stop_event=stop
    )
    for edit in edits:
        names = ", ".join(sorted({Path(path).name for _, path in edit}))
        live = partial(progress, f"{names}: live")
        try:
            put_live(session, suffix, overlay or {}, live)
        except (SyntaxError, BadOverlay, CannotVendor, DeployFailed) as error:
            progress(f"{names}: not live, the old code stays: {error}")


def put_live(session: Session, suffix: str, overlay: Mapping[str, Path], live: Callable[[], None]) -> None:
    """Update the code of every function of the deployed stacks, then call `live`.

    Raises SyntaxError for code that Python cannot read, DeployFailed, and what packaging.package raises.
    """
    for path in [*handlers(), *overlay.values()]:
        if path.suffix == ".py":
            compile(path.read_bytes(), path, "exec")
    stacks = Stacks(session.client("cloudformation"), is_sandbox(session), silent)
    names = [name + suffix for name in STACK_NAMES.values() if stacks.describe(name + suffix)]
    for architecture, group in groupby(names, lambda name: stacks.parameters(name)["CpuArchitecture"]):
        buckets = buckets_of(session, silent)
        published = publish(buckets, package(architecture, overlay))
        code = {"CodeBucket": published["CodeBucket"], "CodeKey": published["CodeKey"]}
        record = partial(stacks.change_parameters, values=code)
        stack_names = list(group)
        replaced = {stacks.parameters(name)["CodeKey"] for name in stack_names} - {code["CodeKey"]}
        try:
            # Directly, because a change set updates one function after another.
            update_functions(session.client("lambda"), stacks.cloudformation, stack_names, code)
            live()
        finally:
            # And the stack's parameters, so that the next deployment compares with the new code.
            side_by_side(record, stack_names)
        # 20 MB for every edit would fill the sandbox's memory. The next deployment uploads what is missing.
        for key in replaced if is_sandbox(session) else ():
            buckets.s3.delete_object(Bucket=buckets.code, Key=key)


def update_functions(functions: Any, cloudformation: Any, stacks: Iterable[str], code: Mapping[str, str]) -> None:
    """Update the functions of `stacks` to the code at `code`, all at the same time, and wait until that is done."""

    def update(name: str) -> None:
        functions.update_function_code(FunctionName=name, S3Bucket=code["CodeBucket"], S3Key=code["CodeKey"])
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})

    names = [name for stack in stacks for name in function_names(cloudformation, stack)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(update, names))


def function_names(cloudformation: Any, stack: str) -> list[str]:
    """The names of a stack's functions."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return [
        resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    ]
