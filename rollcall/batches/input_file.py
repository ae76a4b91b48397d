"""The file of `rollcall run --input`: checked by the rules of the batchers, then uploaded."""

import stat
from pathlib import Path

from botocore.exceptions import ClientError

from bootstrap.problem import Problem
from handlers.core.files.look import HEAD_BYTES, look, refuse_other_endings
from handlers.core.files.unreadable import Unreadable
from handlers.core.quoting import shown
from handlers.core.reading import AS_IT_IS, Reading
from rollcall.target.connection import Connection, Stack
from rollcall.terminal.console import stderr

TO_A_FILE = "write it to a file first, with the format in its name: `... > items.jsonl`"


def check_input_file(path: Path, reading: Reading = AS_IT_IS) -> None:
    """Print a note if the file has no items. Raises Problem if items cannot be read from it."""
    option = f"--input {shown(str(path))}"
    refuse_no_file(path, option)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise Problem(f"{option}: it cannot be read: {error.strerror}") from None
    try:
        refuse_other_endings(path.name, reading)
        if not look(path.name, head, reading):
            stderr.print(f"{option}: there is no item in it", markup=False, soft_wrap=True)
    except Unreadable as unreadable:
        where = f", {unreadable.where}" if unreadable.where else ""
        raise Problem(f"{option}{where}: {unreadable.found}", unreadable.hint) from None


def refuse_no_file(path: Path, option: str) -> None:
    """Raise Problem for a path that is no regular file, or whose name no object can have."""
    if str(path) == "-":
        raise Problem(f"{option}: items are not read from standard input", TO_A_FILE)
    if str(path).startswith("s3:/"):
        raise Problem(
            # A path has no empty part.
            f"{option.replace('s3:/', 's3://', 1)}: it is no file of this machine",
            "copy it here first: it is uploaded to the stack's input bucket for the batch",
        )
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise Problem(f"{option}: its name is not UTF-8, as the names of objects in S3 must be", "rename it") from None
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise Problem(f"{option}: {'is a link to nothing' if path.is_symlink() else 'there is no such file'}") from None
    except OSError as error:
        raise Problem(f"{option}: it cannot be found: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        raise Problem(f"{option}: is a folder", "name one of its files")
    if stat.S_ISFIFO(mode):
        raise Problem(f"{option}: is a pipe, which can be read only once", TO_A_FILE)
    if not stat.S_ISREG(mode):
        raise Problem(f"{option}: is a device or a socket, and no file", TO_A_FILE)


def upload_file(connection: Connection, stack: Stack, key: str, path: Path) -> str:
    """Upload a file to the stack's input bucket; returns its key.

    Raises Problem if it cannot be read, or S3 refuses it.
    """
    from boto3.exceptions import S3UploadFailedError

    bucket, owner = stack.outputs["InputBucketName"], stack.outputs["InputBucketOwner"]
    option = f"--input {shown(str(path))}"
    try:
        connection.s3(owner).upload_file(str(path), bucket, key)
    except OSError as error:
        raise Problem(f"{option}: it cannot be read: {error.strerror}") from None
    except S3UploadFailedError as error:
        cause = error.__context__
        code = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else "the reason is unknown"
        raise Problem(f"{option}: s3://{bucket} refused it: {code}", "see `rollcall status`") from None
    return key
