"""The functions' unzipped code: how it is unpacked, where it lies, and when it is deleted.

Stock unzips to the machine's /tmp, which engines share and never clear, once for every function. It deletes the code of
an updated function while invocations of the old version still run, so their late imports fail. Here functions with the
same code share one folder. Stock also runs the machine's `unzip`, which follows a zip's links, or sets permissions of
the files that a name in the zip leads to.
"""

import os
import stat
from collections import defaultdict
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any
from zipfile import ZipFile, ZipInfo

from localstack import config
from localstack.services.lambda_.invocation import lambda_models
from localstack.services.lambda_.invocation.lambda_models import S3Code
from localstack.utils.patch import patch

from sandbox.processes import LOOP

LONGEST_INVOCATION_SECONDS = 900
# By SHA-256 of a code: ids of the functions' copies of it that are in use.
_users: defaultdict[str, set[str]] = defaultdict(set)
_lock = Lock()


@patch(S3Code.get_unzipped_code_location)
def get_unzipped_code_location(_stock: Any, self: S3Code) -> Path:
    return Path(config.dirs.tmp, "lambda-code", self.code_sha256.replace("/", "-"), "code")


@patch(S3Code.prepare_for_execution)
def prepare_for_execution(stock: Any, self: S3Code) -> None:
    """Unzip the code unless another function has done so: eight functions of one zip unzip it once."""
    with _lock:
        _users[self.code_sha256].add(self.id)
        stock(self)


@patch(S3Code.destroy_cached)
def destroy_cached(stock: Any, self: S3Code) -> None:
    """Delete the code once no invocation can use it any more."""

    def destroy() -> None:
        with _lock:
            _users[self.code_sha256].discard(self.id)
            if not _users[self.code_sha256]:
                stock(self)

    LOOP.call_soon_threadsafe(LOOP.call_later, LONGEST_INVOCATION_SECONDS, LOOP.run_in_executor, None, destroy)


def unzip(path: str, target_dir: str) -> None:
    """Unpack the zip file at `path` into the existing folder `target_dir`, and nothing anywhere else.

    Like `unzip`, this drops `/` at the start of a name, `.` and `..`. It makes links last, so that no file is written
    through one. Raises ValueError for a link that leads out of the folder: the engine sets permissions of the files in
    the folder, and would reach the machine's own files through the link.
    """
    root = Path(os.path.realpath(target_dir))
    with ZipFile(path) as archive:
        entries = archive.infolist()
        for entry in entries:
            if not _is_link(entry):
                archive.extract(entry, root)
        links = {_place(root, entry.filename): archive.read(entry).decode() for entry in entries if _is_link(entry)}
    for link, target in links.items():
        _require_inside(root, link.parent, target)
        if os.path.lexists(link):
            raise ValueError(f"the zip has both a link and a file or folder {link.relative_to(root)}")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    for link, target in links.items():  # a link may lead through others, so only now it leads to its end
        _require_inside(root, link, target)


def _require_inside(root: Path, place: Path, target: str) -> None:
    if not Path(os.path.realpath(place)).is_relative_to(root):
        raise ValueError(f"the zip's link {place.relative_to(root)} leads out of it, to {target}")


def _is_link(entry: ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)


def _place(root: Path, name: str) -> Path:
    return root.joinpath(*(part for part in PurePosixPath(name).parts if part not in ("/", "//", "..")))


lambda_models.unzip = unzip  # type: ignore[attr-defined,assignment]
