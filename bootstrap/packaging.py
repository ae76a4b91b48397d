"""The functions' zip: the handlers, and the files that replace or join them. The same content gives the same bytes."""

import io
import zipfile
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from bootstrap.bytecode import bytecode
from bootstrap.vendoring import left_out

ROOT = Path(__file__).resolve().parents[1]
# The earliest time in a zip: neither the time of the build nor that of a checkout may change the bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)
REGULAR_FILE = 0o100644 << 16


class BadOverlay(ValueError):
    """An overlay names a missing file."""


@dataclass(frozen=True)
class Package:
    """Files of the functions' zip: content by path in the zip."""

    files: Mapping[str, bytes]

    @cached_property
    def key(self) -> str:
        """The key in the code bucket: a hash of the files, which needs no zip."""
        digest = sha256()
        for path, content in sorted(self.files.items()):
            digest.update(f"{path}\0{len(content)}\0".encode())
            digest.update(content)
        return f"code/{digest.hexdigest()}.zip"

    @cached_property
    def _zipped(self) -> bytes:
        return zipped(self.files)

    def zip(self) -> bytes:
        """The files as a zip, which is made once."""
        return self._zipped


def package(overlay: Mapping[str, Path] | None = None, root: Path = ROOT) -> Package:
    """Gather `root`/handlers, the files of the overlay, and their bytecode.

    `overlay` maps paths in the zip, such as `handlers/work.py` or `work.py`, to files, which replace those of the same
    path. Raises BadOverlay.
    """
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in handlers(root)}
    for path, source in (overlay or {}).items():
        if not source.is_file():
            raise BadOverlay(f"overlay {path}: there is no file {source}")
        files[path] = source.read_bytes()
    return Package(with_bytecode(files))


def with_bytecode(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The files, and the bytecode of those that are Python."""
    compiled = [bytecode(path, content) for path, content in files.items() if path.endswith(".py")]
    return dict(ChainMap({}, dict(files), *compiled))


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files as a zip: sorted, all with the same time and mode."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = REGULAR_FILE
            # botocore's models, most of the SDK's layer, are compressed already.
            entry.compress_type = zipfile.ZIP_STORED if path.endswith(".gz") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return packed.getvalue()


def handlers(root: Path = ROOT) -> list[Path]:
    """The files of `root`/handlers for the zip: no hidden ones (`.env`, `.git`), no copies of editors' (`work.py~`)."""
    return [
        path
        for path in (root / "handlers").rglob("*")
        if path.is_file() and not any(map(left_out, path.relative_to(root).parts))
    ]
