"""The layers: zips of installed distributions. One is made once, and kept in this checkout for the next deployment."""

import io
import os
import sys
import tomllib
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.metadata import Distribution
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

from bootstrap.bytecode import MARSHAL_VERSION
from bootstrap.packaging import ROOT, Package, with_bytecode, zipped
from bootstrap.vendoring import CannotVendor, closure, files, refuse_unfit
from sandbox.kept_layers import LAYERS, delete

# Zips in LAYERS, and folders: those of both architectures, and of a few earlier sets of dependencies.
MOST_KEPT = 8
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_UNZIPPED = 250 * 1024 * 1024
MEGABYTE = 1024 * 1024
NAMED = 3
# Functions read and execute what is in a layer, and cannot change it.
FOLDER_MODE, FILE_MODE = 0o755, 0o555


@dataclass(frozen=True)
class Layer:
    """A layer's zip. Its packages are in its folder `python`, which AWS adds to the path as /opt/python."""

    zip: bytes

    @cached_property
    def digest(self) -> str:
        """The zip's SHA-256, in hexadecimal digits."""
        return sha256(self.zip).hexdigest()

    @property
    def key(self) -> str:
        """The key in the code bucket."""
        return f"layer/{self.digest}.zip"

    @cached_property
    def sizes(self) -> Counter[str]:
        """Unzipped bytes by package, the shared libraries of a package (`numpy.libs`) included."""
        sizes: Counter[str] = Counter()
        for entry in zipfile.ZipFile(io.BytesIO(self.zip)).infolist():
            sizes[entry.filename.split("/")[1].removesuffix(".libs")] += entry.file_size
        return sizes

    def unpacked(self) -> Path:
        """A folder with the packages, which is made once. The sandbox's functions use the same files."""
        folder = LAYERS / self.digest
        if not folder.is_dir():
            LAYERS.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=LAYERS) as made:
                zipfile.ZipFile(io.BytesIO(self.zip)).extractall(made)
                for path in Path(made).rglob("*"):
                    path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)
                # Another one may have been quicker.
                with suppress(OSError):
                    os.rename(made, folder)
                    os.mkdir(made)
            folders = [each for each in LAYERS.iterdir() if each.is_dir()]
            for old in sorted(folders, key=lambda each: -each.stat().st_mtime)[MOST_KEPT:]:
                delete(old)
        os.utime(folder)
        return folder / "python"


def sdk_distributions(pyproject: Path = ROOT / "pyproject.toml") -> list[Distribution]:
    """The distributions of the group `functions`, as the lock file has installed them here. Raises CannotVendor."""
    return closure(tomllib.loads(pyproject.read_text())["dependency-groups"]["functions"])


def sdk_layer(architecture: str) -> Layer:
    """The layer of all functions, for `arm64` or `x86_64`. Raises CannotVendor."""
    found = sdk_distributions()
    for each in found:
        refuse_unfit(each, architecture)
    # An installer has written what it installed to RECORD, with hashes.
    return kept(("sdk", *sorted(f"{each.name} {each.version} {each.read_text('RECORD')}" for each in found)),
                lambda: layer_files(found))  # fmt: skip


def layer_files(found: Iterable[Distribution]) -> dict[str, bytes]:
    """The files of distributions, by path in a layer."""
    return {f"python/{path}": content for each in found for path, content in files(each)}


def kept(made_of: Iterable[str], make: Callable[[], Mapping[str, bytes]]) -> Layer:
    """The layer that was made of the same before, else one with the files that `make` returns, and their bytecode."""
    what = [*made_of, sys.implementation.cache_tag or "", str(MARSHAL_VERSION)]
    path = LAYERS / f"{sha256(repr(what).encode()).hexdigest()}.zip"
    try:
        layer = Layer(path.read_bytes())
        path.touch()
    except FileNotFoundError:
        layer = Layer(zipped(with_bytecode(make())))
        LAYERS.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=LAYERS, delete=False) as written:
            written.write(layer.zip)
        os.replace(written.name, path)
        for old in sorted(LAYERS.glob("*.zip"), key=lambda each: -each.stat().st_mtime)[MOST_KEPT:]:
            old.unlink(missing_ok=True)
    return layer


def refuse_too_large(code: Package, sdk: Layer, work: Layer | None) -> None:
    """Raise CannotVendor for a function that AWS would refuse: its code and its layers are too large when unzipped."""
    own = sum(map(len, code.files.values()))
    parts = {"your code": own, "the functions' SDK": sdk.sizes.total()}
    if work:
        parts["the dependencies"] = work.sizes.total()
    if sum(parts.values()) <= MAX_UNZIPPED:
        return
    largest = (work.sizes if work else sdk.sizes).most_common(NAMED)
    raise CannotVendor(
        f"code and layers are {megabytes(sum(parts.values()))} unzipped, and Lambda takes {megabytes(MAX_UNZIPPED)}: "
        f"{', '.join(f'{name} {megabytes(size)}' for name, size in parts.items())}. The largest packages are "
        f"{', '.join(f'{name} ({megabytes(size)})' for name, size in largest)}: remove one, or choose a smaller one"
    )


def megabytes(size: int) -> str:
    """A size as text: `250 MB`."""
    return f"{size / MEGABYTE:.3g} MB"
