"""Deletes both stacks, and what was deployed beside them for the work. On AWS their batches are ended before."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from bootstrap.aws import Session, is_sandbox
from bootstrap.bucket import buckets_of, refused_bucket
from bootstrap.change_sets import Stacks, accept
from bootstrap.deploy import Progress, silent
from bootstrap.failures import DeployFailed
from bootstrap.functions import remove_orphans
from bootstrap.open_batches import OpenBatches, open_batches
from bootstrap.stacks import STACK_NAMES, outputs_of, side_by_side
from bootstrap.work.deployment import remove_work

# So many of the batches that run are named.
NAMED = 5


def destroy(
    session: Session,
    suffix: str = "",
    stacks: Iterable[str] = tuple(STACK_NAMES),
    progress: Progress = silent,
    losing: Callable[[str, str], None] = accept,
    role: str = "",
) -> None:
    """Delete the stacks with their objects. The bootstrap buckets stay: stacks of any suffix share them.

    On AWS, `losing` is called with the name of each stack that runs batches, and which; it may raise an exception to
    prevent everything. Then the schedules are switched off, the batches end CANCELLED, and their events are awaited. A
    sandbox's stacks are deleted with what runs. In the `role`, an ARN, CloudFormation acts (see change_sets.Stacks).

    With the last of the stacks go the policies and the own resources of the work. A missing stack is skipped. Raises
    DeployFailed, and BadWork for a bucket of the own resources that still has objects.
    """
    worker = Stacks(session.client("cloudformation"), is_sandbox(session), progress, losing, role=role)
    s3 = buckets_of(session, silent).s3
    found = {name: described for name in stacks if (described := worker.describe(STACK_NAMES[name] + suffix))}
    drained = {} if is_sandbox(session) else complete_ones(session, found)
    for name, batches in drained.items():
        if runs := batches.find():
            losing(STACK_NAMES[name] + suffix, f"it runs {listed(runs)}, to be cancelled")

    def remove(name: str) -> None:
        full_name, outputs = STACK_NAMES[name] + suffix, outputs_of(found[name])
        if name in drained:
            session.client("events").disable_rule(Name=outputs["ScheduleRuleName"])
            drain(full_name, drained[name], worker)
        delete(worker, s3, full_name, outputs.get("BatchBucketName"))
        if is_sandbox(session):
            remove_orphans(session, full_name, ())
        progress(f"{full_name}: deleted")

    names = list(stacks)
    side_by_side(remove, found)
    remove_work(session, worker, suffix, [STACK_NAMES[name] + suffix for name in names])


def complete_ones(session: Session, found: dict[str, Any]) -> dict[str, OpenBatches]:
    """The open batches of the stacks that were ever complete."""
    return {name: open_batches(session, described) for name, described in found.items() if outputs_of(described)}


def drain(stack: str, batches: OpenBatches, worker: Stacks) -> None:
    """Cancel the stack's batches, and wait until each has ended and is announced, or should have."""
    last: list[str] = []
    until = time.monotonic() + batches.seconds
    while runs := batches.find():
        if time.monotonic() > until:
            worker.progress(f"{stack}: {listed(runs)} did not end within {batches.seconds:.0f} s, and go unannounced")
            return
        if runs != last:
            worker.progress(f"{stack}: cancelling {listed(runs)}; this takes {batches.seconds:.0f} s at most")
        last = runs
        batches.cancel()
        time.sleep(worker.interval)


def delete(worker: Stacks, s3: Any, stack: str, bucket: str | None) -> None:
    """Delete a stack, and the objects of its bucket, if it has one. Raises DeployFailed."""
    if bucket:
        empty(s3, bucket)
    try:
        worker.delete(stack)
    except DeployFailed:
        # A function that ran until its policy was gone may have written meanwhile.
        if not bucket or not empty(s3, bucket):
            raise
        worker.delete(stack)


def listed(batches: list[str]) -> str:
    """Their number and the first of them, as text."""
    more = ", ..." if len(batches) > NAMED else ""
    return f"{len(batches)} batch{'es' if len(batches) > 1 else ''} ({', '.join(batches[:NAMED])}{more})"


def empty(s3: Any, bucket: str) -> bool:
    """Delete every object of a bucket; returns whether it had any. CloudFormation deletes only empty buckets.

    Raises DeployFailed if S3 refuses to delete one.
    """
    had = False
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        if objects := [{"Key": found["Key"]} for found in page.get("Contents", [])]:
            had = True
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            for error in answer.get("Errors", [])[:1]:
                raise refused_bucket(bucket, f"{error['Key']} cannot be deleted: {error['Code']} {error['Message']}")
    return had
