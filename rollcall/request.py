"""From the options of `rollcall run` to the batch request, checked before anything is started."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boto3.exceptions import S3UploadFailedError

from handlers.batch import BatchRequest, InvalidRequest, new_batch_id
from rollcall.connection import Connection, Stack
from rollcall.errors import Problem

INPUT_ENDINGS = (".jsonl", ".csv", ".jsonl.gz", ".csv.gz")
# A random batch's own fields mean nothing for real items.
RANDOM_ONLY = ("items", "maxValue", "failRate")


def checked_request(architecture: str, fields: Mapping[str, Any], input_file: Path | None = None) -> dict[str, Any]:
    """The request of `fields`, with a batch id. Raises Problem, naming the option, if it would be refused."""
    if architecture == "sfn" and "deadlineSeconds" in fields:
        raise Problem("--deadline is for sqs: a state machine has one deadline for all its executions")
    if input_file:
        for name in RANDOM_ONLY:
            if name in fields:
                raise Problem(f"--input and {option_of(name)} exclude each other: the file has the items")
        check_input_file(input_file)
    try:
        BatchRequest.parse(dict(fields))
    except InvalidRequest as error:
        field, _, rest = str(error).partition(": ")
        raise Problem(f"{option_of(field)}: {rest}", "see `rollcall run --help`") from error
    return {"batchId": new_batch_id()} | dict(fields)


def option_of(field: str) -> str:
    """The option that sets a field of the request."""
    if field == "deadlineSeconds":
        return "--deadline"
    return "--" + re.sub(r"[A-Z]", lambda capital: "-" + capital[0].lower(), field)


def check_input_file(path: Path) -> None:
    """Raises Problem unless items can be read from `path`."""
    if not path.is_file():
        raise Problem(f"--input {path}: {'is a folder' if path.is_dir() else 'there is no such file'}")
    if not path.name.endswith(INPUT_ENDINGS):
        raise Problem(f"--input {path}: the name must end in {', '.join(INPUT_ENDINGS[:-1])} or {INPUT_ENDINGS[-1]}")


def refuse_too_many_items(fields: Mapping[str, Any], stack: Stack) -> None:
    """Raise Problem for more random items than the stack takes; those of a file are counted by its batcher."""
    most = int(stack.parameters["MaxItems"])
    if fields.get("items", 0) > most:
        raise Problem(
            f"--items: {fields['items']:,} are more than the {most:,} that {stack.name} takes of a batch",
            "raise its parameter MaxItems: `rollcall up --parameter MaxItems=...`, or `bootstrap deploy` with it",
        )


def upload_input(connection: Connection, stack: Stack, batch_id: str, path: Path) -> dict[str, str]:
    """Upload the items to the stack's input bucket; returns the request's `input`.

    Raises Problem if the file cannot be read, or S3 does not take it.
    """
    bucket, prefix, owner = (stack.outputs[name] for name in ("InputBucketName", "InputPrefix", "InputBucketOwner"))
    key = f"{prefix}{batch_id}/{path.name}"
    try:
        connection.s3(owner).upload_file(str(path), bucket, key)
    except OSError as error:
        raise Problem(f"--input {path}: {error.strerror}") from error
    except S3UploadFailedError as error:
        raise Problem(f"--input {path}: {error}") from error
    return {"bucket": bucket, "key": key}
