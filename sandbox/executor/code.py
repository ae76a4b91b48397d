"""The code of functions and layers: where it is stored and unpacked, and when it is deleted.

Stock stores a zip once for every function, and unzips it once for every function to the machine's /tmp, which engines
share and never clear; it mounts no layers, and keeps their zips for ever. It deletes the code of an updated function
while invocations of the old version still run, so their late imports fail. Here everything with the same zip shares one
copy of it and one folder, which live as long as they have a user: a function or a layer that exists, a version of a
function that has the layer, or a process that runs the code.
"""

import base64
import subprocess
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

from sandbox.executor.children import UNZIP
from sandbox.kept_layers import use
from sandbox.processes import LOOP

# An invocation that found the old version of a function may start a process of it so much later.
STARTING_SECONDS = 5
CODE = Path(config.dirs.tmp, "lambda-code")
# By SHA-256 of a code: its users.
_users: defaultdict[str, set[str]] = defaultdict(set)
# By bucket, key, version and ETag of a zip, and the functions' account and Region: the code that was made of it.
_stored: dict[tuple[str | None, ...], S3Code] = {}
_lock = Lock()
_store_archive = provider.store_lambda_archive  # type: ignore[attr-defined]
_store_copy = provider.store_s3_bucket_archive  # type: ignore[attr-defined]
_delete_copy = S3Code.destroy


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
        if code is None:
            code = _store_copy(archive_bucket, archive_key, archive_version, function_name=function_name, **owner)
            if not isinstance(code, S3Code):  # hot reloading
                return code
            _stored[place] = code
        code = replace(code, id=f"{function_name}-{uuid.uuid4()}")
        _users[code.code_sha256].add(code.id)
        return code


def store_lambda_archive(**given: Any) -> S3Code:
    """Store a zip that came with the call."""
    with _lock:
        code: S3Code = _store_archive(**given)
        _users[code.code_sha256].add(code.id)
        return code


def hold(code: S3Code, user: str) -> None:
    """Unzip the code unless that is done, and keep it until `release`."""
    with _lock:
        _users[code.code_sha256].add(user)
        _take_kept(code)
        code.prepare_for_execution()


def _take_kept(code: S3Code) -> None:
    """Use the files of a layer that this checkout keeps unpacked, instead of unpacking it."""
    place = code.get_unzipped_code_location()
    if not place.exists() and (kept := use(base64.b64decode(code.code_sha256).hex())):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(kept)


def release(code: S3Code, user: str, seconds: float = 0) -> None:
    """Delete the code and its zip if it has no other user, after so many seconds of real time. Returns at once."""

    if not isinstance(code, S3Code):  # hot reloading
        return

    def end() -> None:
        with _lock:
            users = _users[code.code_sha256]
            users.discard(user)
            if users:
                return
            del _users[code.code_sha256]
            for place in [place for place, stored in _stored.items() if stored.code_sha256 == code.code_sha256]:
                del _stored[place]
            _delete_copy(code)

    LOOP.call_soon_threadsafe(LOOP.call_later, seconds, LOOP.run_in_executor, None, end)


def unzip(path: str, target_dir: str) -> None:
    """Unpack a zip in a process beside the engine. Raises ValueError for one that is damaged or leads elsewhere."""
    done = subprocess.run(
        [*UNZIP, path, target_dir], env={}, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        error = done.stderr.strip().rpartition("\n")[2]
        raise ValueError(error.partition(": ")[2] or error)


@patch(S3Code.get_unzipped_code_location)
def get_unzipped_code_location(_stock: Any, self: S3Code) -> Path:
    return CODE / self.code_sha256.replace("/", "-") / "code"


@patch(S3Code.destroy)
def destroy(_stock: Any, self: S3Code) -> None:
    """A function or a layer has the code no more."""
    release(self, self.id, STARTING_SECONDS)


lambda_models.unzip = unzip  # type: ignore[attr-defined,assignment]
lambda_models.chmod_r = lambda *_: None  # type: ignore[attr-defined]  # unzip does that
provider.store_lambda_archive = store_lambda_archive  # type: ignore[attr-defined,assignment]
provider.store_s3_bucket_archive = store_s3_bucket_archive  # type: ignore[attr-defined,assignment]
