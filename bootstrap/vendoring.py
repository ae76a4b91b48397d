"""Installed distributions: which ones are needed, whether the functions' platform runs them, their files for a zip."""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

COMPILED = {".so", ".pyd", ".dylib"}
LIBRARY_FOLDERS = {".libs", ".dylibs"}
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# Lambda's python3.13 is Amazon Linux 2023. https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html
NEWEST_GLIBC = (2, 34)
# What markers are evaluated for: the functions' system, whatever this machine's is.
TARGET = {"os_name": "posix", "platform_system": "Linux", "sys_platform": "linux"}
# The tags from before those that name glibc's version, all of them older.
OLD_TAGS = ("manylinux1_", "manylinux2010_", "manylinux2014_")


class CannotVendor(Exception):
    """A dependency of the functions cannot go into a layer. The message names it, the reason and the remedy."""


def closure(requirements: Iterable[str]) -> list[Distribution]:
    """All distributions that `requirements` need, directly or not. Raises CannotVendor."""
    found: dict[tuple[str, frozenset[str]], Distribution] = {}
    pending = [Requirement(text) for text in requirements]
    while pending:
        wanted = pending.pop()
        name = str(canonicalize_name(wanted.name))
        if (name, frozenset(wanted.extras)) in found:
            continue
        try:
            installed = distribution(name)
        except PackageNotFoundError as missing:
            raise CannotVendor(f"{name} is not installed here: run `uv sync`") from missing
        found[name, frozenset(wanted.extras)] = installed
        pending += [need for text in installed.requires or () if applies(need := Requirement(text), wanted.extras)]
    return list({installed.name: installed for installed in found.values()}.values())


def applies(requirement: Requirement, extras: set[str]) -> bool:
    """Whether a distribution needs `requirement` on the functions' system when it is required with `extras`."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**TARGET, "extra": extra}) for extra in extras or {""})


def refuse_unfit(found: Distribution, architecture: str) -> None:
    """Raise CannotVendor if the distribution contains compiled code that the functions' platform cannot run."""
    if not any(PurePosixPath(path).suffix in COMPILED for path in found.files or ()):
        return
    wheel = found.read_text("WHEEL") or ""
    tags = [line.removeprefix("Tag: ").strip() for line in wheel.splitlines() if line.startswith("Tag: ")]
    if not any(fits(tag, architecture) for tag in tags):
        raise CannotVendor(
            f"{found.name} {found.version} is compiled for {', '.join(tags) or 'an unknown platform'}, and the "
            f"functions run on Linux, {architecture}, with glibc {NEWEST_GLIBC[0]}.{NEWEST_GLIBC[1]}: choose a version "
            "that has a manylinux wheel for these, or remove the dependency"
        )


def fits(tag: str, architecture: str) -> bool:
    """Whether a wheel's tag, such as `cp313-cp313-manylinux_2_17_x86_64`, runs on the functions' platform.

    `linux_x86_64` does not: such a wheel was built on some machine, and needs whatever glibc was there.
    """
    platform = tag.rsplit("-", 1)[-1]
    glibc = re.match(r"manylinux_(\d+)_(\d+)_", platform)
    fitting = (int(glibc[1]), int(glibc[2])) <= NEWEST_GLIBC if glibc else platform.startswith(OLD_TAGS)
    return fitting and platform.endswith(f"_{MACHINES[architecture]}")


def files(found: Distribution) -> Iterator[tuple[str, bytes]]:
    """Path and content of the distribution's files: code, licences and METADATA."""
    for path in found.files or ():
        # The path of a script begins with `..`. Some wheels keep their shared libraries in a hidden folder.
        if any(left_out(part) and part not in LIBRARY_FOLDERS for part in path.parts):
            continue
        # Licences must go with the code, and importlib.metadata reads METADATA.
        needed = path.name == "METADATA" or path.name.upper().startswith(("LICEN", "NOTICE", "COPYING"))
        if path.parts[0].endswith(".dist-info") and not needed:
            continue
        yield path.as_posix(), path.read_binary()


def left_out(name: str) -> bool:
    """Whether a file or folder of this name is left out of the zip: hidden ones, compiled code, editors' copies."""
    return name.startswith((".", "#")) or name.endswith("~") or name == "__pycache__"
