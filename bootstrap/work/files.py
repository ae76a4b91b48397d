"""The files of a work folder that go to the root of the functions' zip."""

import sys
import tomllib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath

from bootstrap.packaging import ROOT
from bootstrap.vendoring import closure, left_out
from bootstrap.work.problem import BadWork
from bootstrap.work.settings import FILE

# What is for the folder's owner, and not for the functions.
TESTS = "tests"
AT_HOME = {FILE, TESTS}
# A virtual environment has this file.
ENVIRONMENT = "pyvenv.cfg"
# A function's code may be 250 MB with all its layers. What is this large is data, or no work folder.
MAX_BYTES = 50 * 1024 * 1024


def work_files(folder: Path, without: Collection[Path] = ()) -> dict[str, Path]:
    """The folder's files by their path in the zip, as an overlay, but those of `without`.

    Left out are `tests/`, `rollcall.toml`, hidden files (`.env`), caches, editors' copies and virtual environments.
    Raises BadWork if they are too large.
    """
    found = {path.relative_to(folder).as_posix(): path for path in sorted(walk(folder)) if path not in without}
    size = sum(path.stat().st_size for path in found.values())
    if size > MAX_BYTES:
        largest = max(found, key=lambda name: found[name].stat().st_size)
        raise BadWork(
            f"{folder}: its files have {size:,} bytes, and {MAX_BYTES:,} may go into the functions' zip; the largest "
            f"is {largest}",
            "put data into a bucket of your own ([resources] of rollcall.toml), or name another folder",
        )
    return found


def walk(folder: Path, top: bool = True) -> Iterator[Path]:
    """The files of the folder, and of those in it."""
    for path in folder.iterdir():
        if left_out(path.name) or path.suffix == ".pyc" or (top and path.name in AT_HOME):
            continue
        if path.is_file():
            yield path
        elif path.is_dir() and not (path / ENVIRONMENT).exists():
            yield from walk(path, top=False)


def refuse_collisions(files: Iterable[str], dependencies: Path | None) -> None:
    """Raise BadWork if a module of the work would hide another one from all functions, or be hidden.

    `files` are paths in the zip; `dependencies` is the folder in which the work's own are installed.
    """
    others = [
        ("handlers", {"handlers"}),
        ("Python's standard library", set(sys.stdlib_module_names)),
        ("the functions' SDK", modules(sdk_files())),
        (
            "a dependency of rollcall.toml",
            modules(path.name for path in dependencies.iterdir()) if dependencies else (),
        ),
    ]
    for path in sorted(files):
        name = PurePosixPath(path).parts[0].removesuffix(".py")
        if path.endswith(".py") and (owner := next((owner for owner, names in others if name in names), None)):
            raise BadWork(f"{path}: the module {name} would hide that of {owner}", "give it another name")


def sdk_files() -> dict[str, Path]:
    """The files and folders of the functions' SDK, by the names that they are imported by."""
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["functions"]
    return {
        path.parts[0]: Path(str(found.locate_file(path.parts[0])))
        for found in closure(group)
        for path in found.files or ()
        if path.parts[0] != ".."
    }


def modules(names: Iterable[str]) -> set[str]:
    """The names of the modules that files and folders of these names are."""
    return {name.partition(".")[0] for name in names if name.isidentifier() or name.endswith((".py", ".so"))}
