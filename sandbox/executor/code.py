"""The functions' code: where it is stored and unpacked, and when it is deleted.

Stock stores a zip once for every function, and unzips it once for every function to the machine's /tmp, which engines
share and never clear. It deletes the code of an updated function while invocations of the old version still run, so
their late imports fail. Here functions with the same code share one copy of the zip, and one folder.
"""

import uuid
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError
from localstack import config
from localstack.aws.connect import connect_to
from localstack.services.lambda_ import provider
from localstack.services.lambda_.invocation import lambda_models
from localstack.services.lambda_.invocation.lambda_models import S3Code
from localstack.utils.patch import patch

from sandbox.executor.unzip import delete_unused_folders, unzip
from sandbox.processes import LOOP

LONGEST_INVOCATION_SECONDS = 900
CODE = Path(config.dirs.tmp, "lambda-code")
# By SHA-256 of a code: ids of the functions' copies of it that are in use.
_users: defaultdict[str, set[str]] = defaultdict(set)
# By bucket, key, version and ETag of a zip, and the functions' account and Region: the code that was made of it.
_stored: dict[tuple[str | None, ...], S3Code] = {}
_lock = Lock()
_store_copy = provider.store_s3_bucket_archive  # type: ignore[attr-defined]


def store_s3_bucket_archive(
    archive_bucket: str, archive_key: str, archive_version: str | None, function_name: str, **owner: str
) -> Any:
    """Store a zip of S3, unless another function has done so: eight functions of one zip store it once."""
    version = {"VersionId": archive_version} if archive_version else {}
    with _lock:
        try:
            etag = connect_to().s3.head_object(Bucket=archive_bucket, Key=archive_key, **version)["ETag"]
        except ClientError:
            etag = None  # stock says what is wrong
        place = (archive_bucket, archive_key, archive_version, etag, *owner.values())
        code: Any = _stored.get(place)
        if code is None or not _users[code.code_sha256]:
            code = _store_copy(archive_bucket, archive_key, archive_version, function_name=function_name, **owner)
            if not isinstance(code, S3Code):  # hot reloading
                return code
            _stored[place] = code
        code = replace(code, id=f"{function_name}-{uuid.uuid4()}")
        _users[code.code_sha256].add(code.id)
        return code


@patch(S3Code.get_unzipped_code_location)
def get_unzipped_code_location(_stock: Any, self: S3Code) -> Path:
    return CODE / self.code_sha256.replace("/", "-") / "code"


@patch(S3Code.prepare_for_execution)
def prepare_for_execution(stock: Any, self: S3Code) -> None:
    """Unzip the code unless another function has done so: eight functions of one zip unzip it once."""
    with _lock:
        _users[self.code_sha256].add(self.id)
        stock(self)


@patch(S3Code.destroy)
def destroy(stock: Any, self: S3Code) -> None:
    """Delete the code and its zip once no invocation can use it any more."""

    def end() -> None:
        with _lock:
            _users[self.code_sha256].discard(self.id)
            if not _users[self.code_sha256]:
                stock(self)
                delete_unused_folders(CODE)

    LOOP.call_soon_threadsafe(LOOP.call_later, LONGEST_INVOCATION_SECONDS, LOOP.run_in_executor, None, end)


lambda_models.unzip = unzip  # type: ignore[attr-defined,assignment]
provider.store_s3_bucket_archive = store_s3_bucket_archive  # type: ignore[attr-defined,assignment]
