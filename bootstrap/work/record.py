"""Which work a stack runs: a small object in the code bucket, written when it has been deployed."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from bootstrap.bucket import Buckets, answer_or_none
from bootstrap.work.place import EXAMPLE


@dataclass(frozen=True)
class Record:
    """The work of a deployed stack. `folder` is its name only, since others may read it; empty for the example.

    `parameters` are those that the command line gave.
    """

    folder: str
    digest: str
    parameters: Mapping[str, str]

    def __str__(self) -> str:
        return self.folder or EXAMPLE


def digest_of(files: Mapping[str, Path]) -> str:
    """A hash of the files' names and contents."""
    digest = sha256()
    for name, path in sorted(files.items()):
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def put_record(buckets: Buckets, stack: str, record: Record) -> None:
    """Record which work a stack runs."""
    buckets.s3.put_object(Bucket=buckets.code, Key=key_of(stack), Body=json.dumps(asdict(record)))


def find_record(buckets: Buckets, stack: str) -> Record | None:
    """The record of the work that a stack runs; None if there is none."""
    try:
        found = answer_or_none(buckets.s3.get_object, "NoSuchKey", Bucket=buckets.code, Key=key_of(stack))
    except buckets.s3.exceptions.NoSuchBucket:
        return None
    return Record(**json.load(found["Body"])) if found else None


def remove_record(buckets: Buckets, stack: str) -> None:
    """Forget which work a stack ran."""
    with suppress(buckets.s3.exceptions.NoSuchBucket):
        buckets.s3.delete_object(Bucket=buckets.code, Key=key_of(stack))


def key_of(stack: str) -> str:
    """The key of a stack's record."""
    return f"work/{stack}.json"
