"""Makes wheels for tests, so that they install dependencies without a network."""

import zipfile
from collections.abc import Iterable
from pathlib import Path


def wheel(
    folder: Path, name: str, version: str, requires: Iterable[str] = (), tag: str = "py3-none-any", script: bool = False
) -> Path:
    """A wheel with one package, whose VERSION is its version; it has compiled code if its tag names a platform."""
    pure, info = tag.endswith("-any"), f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: {str(pure).lower()}\nTag: {tag}\n",
        f"{info}/LICENSE": "",
    }
    if not pure:
        files[f"{name}/fast.so"] = tag
    if script:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{name}={name}:VERSION\n"
    files[f"{info}/RECORD"] = "".join(f"{each},,\n" for each in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for place, text in files.items():
            packed.writestr(place, text)
    return path
