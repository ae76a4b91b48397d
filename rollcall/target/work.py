"""The work that a target's stacks run, and its deployment before a batch where they run another one."""

from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.problem import Problem
from rollcall.target.connection import Connection

if TYPE_CHECKING:
    # With it comes boto3: see connection.py.
    from bootstrap.work.record import Record


def deployed_work(connection: Connection, architecture: str) -> "Record | None":
    """The record of the work that a stack runs; None if there is none."""
    from bootstrap.bucket import buckets_of
    from bootstrap.work.record import find_record

    buckets = buckets_of(connection.session, lambda _: None)
    return find_record(buckets, connection.stack(architecture).name)


def other_work(connection: Connection, architecture: str, folder: Path) -> "Record | None":
    """The record of the work that a stack runs, if it is not the work in `folder` as it is now; else None.

    Raises BadWork for a folder that cannot be deployed, and Problem for an account to which it is not deployed.
    """
    from bootstrap.work.record import Record
    from bootstrap.work.work import read_work

    record = deployed_work(connection, architecture) or Record("", "", {})
    if record.digest == read_work(folder).digest:
        return None
    if not connection.endpoint:
        command = f"python -m bootstrap deploy --aws --work {folder}"
        raise Problem(
            f"stack {connection.stack(architecture).name} at {connection.place} does not run {folder} as it is now, "
            f"but {record}",
            f"deploy it first, with your --profile and --region: {command}",
        )
    return record
