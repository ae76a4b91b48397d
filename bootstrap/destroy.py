"""Deletes both stacks, and what was deployed beside them for the work."""

from collections.abc import Iterable
from typing import Any

from bootstrap.aws import Session, is_sandbox
from bootstrap.bucket import buckets_of
from bootstrap.change_sets import Stacks
from bootstrap.deploy import Progress, silent
from bootstrap.functions import remove_orphans
from bootstrap.stacks import STACK_NAMES, outputs_of, side_by_side
from bootstrap.work.deployment import remove_work


def destroy(
    session: Session, suffix: str = "", stacks: Iterable[str] = tuple(STACK_NAMES), progress: Progress = silent
) -> None:
    """Delete the stacks with their objects. The bootstrap buckets stay: stacks of any suffix share them.

    With the last of them go the policies and the own resources of the work. A missing stack is skipped. Raises
    DeployFailed, and BadWork for a bucket of the own resources that still has objects.
    """
    worker = Stacks(session.client("cloudformation"), is_sandbox(session), progress)
    s3 = buckets_of(session, silent).s3

    def remove(name: str) -> None:
        full_name = STACK_NAMES[name] + suffix
        found = worker.describe(full_name)
        if not found:
            return
        if bucket := outputs_of(found).get("BatchBucketName"):
            empty(s3, bucket)
        worker.delete(full_name)
        if is_sandbox(session):
            remove_orphans(session, full_name, ())
        progress(f"{full_name}: deleted")

    names = list(stacks)
    side_by_side(remove, names)
    remove_work(session, worker, suffix, [STACK_NAMES[name] + suffix for name in names])


def empty(s3: Any, bucket: str) -> None:
    """Delete every object of a bucket: CloudFormation deletes only empty buckets."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        if objects := [{"Key": found["Key"]} for found in page.get("Contents", [])]:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
