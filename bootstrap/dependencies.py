"""The dependencies of the work, installed by uv for the functions' platform into a layer of their own."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from bootstrap.layers import Layer, kept, layer_files, sdk_distributions
from bootstrap.packaging import ROOT
from bootstrap.vendoring import MACHINES, NEWEST_GLIBC, CannotVendor, refuse_unfit
from sandbox.kept_layers import LAYERS

OWN_UV = ROOT / ".rollcall" / "uv" / "bin" / "uv"
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def installed(requirements: Sequence[str], architecture: str) -> Layer | None:
    """The layer with the requirements and all that they need, for `arm64` or `x86_64`; None if it would be empty.

    What the functions' SDK has already, in its version, is left out. Installs nothing if the requirements, the SDK and
    the wheels that are named by path are those of an earlier call. Raises CannotVendor.
    """
    if not requirements:
        return None
    parsed = [parse(text) for text in requirements]
    sdk = {str(canonicalize_name(each.name)): each.version for each in sdk_distributions()}
    made_of = ("work", architecture, *sorted(map(str, parsed)), *wheels(parsed), repr(sorted(sdk.items())))

    def install() -> dict[str, bytes]:
        with TemporaryDirectory() as folder:
            run_uv(parsed, architecture, sdk, Path(folder))
            found = [each for each in distributions(path=[folder]) if str(canonicalize_name(each.name)) not in sdk]
            for each in found:
                refuse_unfit(each, architecture)
            # uv makes scripts that name this machine's Python.
            return {path: content for path, content in layer_files(found).items() if not path.startswith("python/bin/")}

    layer = kept(made_of, install)
    return layer if layer.sizes else None


def installed_here(requirements: Sequence[str], versions: Mapping[str, str]) -> Path | None:
    """A folder with the requirements and all that they need for this machine; None without requirements.

    What is in `versions` (name to version) has these. It is installed once, as a layer is. Raises CannotVendor.
    """
    if not requirements:
        return None
    parsed = [parse(text) for text in requirements]
    machine = (platform.system(), platform.machine(), PYTHON_VERSION)
    made_of = (*machine, *sorted(map(str, parsed)), *wheels(parsed), repr(sorted(versions.items())))
    folder = LAYERS / sha256(repr(made_of).encode()).hexdigest()
    if not folder.is_dir():
        LAYERS.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=LAYERS) as made:
            run_uv(parsed, None, versions, Path(made))
            # Another one may have been quicker.
            with suppress(OSError):
                os.rename(made, folder)
                os.mkdir(made)
    os.utime(folder)
    return folder


def parse(text: str) -> Requirement:
    """A requirement, such as `pillow>=11`. Raises CannotVendor."""
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise CannotVendor(f"dependency {text!r}: {reason}. Write it like `pillow>=11`") from error


def wheels(requirements: Sequence[Requirement]) -> Iterator[str]:
    """The hash of each wheel that is named by path. Raises CannotVendor if there is none."""
    for each in requirements:
        place = urlsplit(each.url or "")
        if place.scheme == "file":
            path = Path(unquote(place.path))
            if not path.is_file():
                raise CannotVendor(f"dependency {str(each)!r}: there is no file {path}. Build the wheel, or correct it")
            yield sha256(path.read_bytes()).hexdigest()


def run_uv(
    requirements: Sequence[Requirement], architecture: str | None, versions: Mapping[str, str], folder: Path
) -> None:
    """Install the requirements and what they need into `folder`: for the functions, or for this machine without one.

    Raises CannotVendor with uv's reason.
    """
    uv = str(OWN_UV) if OWN_UV.exists() else shutil.which("uv")
    if not uv:
        raise CannotVendor("the dependencies of the work are installed with uv, which is not here: run `make env`")
    glibc = f"{NEWEST_GLIBC[0]}.{NEWEST_GLIBC[1]}"
    place: list[str] = []
    whose = "this machine"
    if architecture:
        place = ["--python-platform", f"{MACHINES[architecture]}-manylinux_{glibc.replace('.', '_')}"]
        whose = f"{architecture}, Python {PYTHON_VERSION} and glibc {glibc}"
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()))
    command = [
        *(uv, "pip", "install", "--quiet", "--color=never", "--python", sys.executable, "--target", str(folder)),
        *(*place, "--python-version", PYTHON_VERSION, "--only-binary", ":all:"),
        *("--constraints", str(constraints), "--", *map(str, requirements)),
    ]
    # Not in the project's folder, whose pyproject.toml has settings for uv.
    done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, check=False)
    constraints.unlink()
    if done.returncode:
        raise CannotVendor(
            f"the dependencies {', '.join(map(str, requirements))} cannot be installed for {whose}: "
            f"{reason_of(done.stderr)}. Correct them; "
            "only wheels are installed, and what the functions' SDK has (boto3, ...) stays in uv.lock's version"
        )


def reason_of(said: str) -> str:
    """What uv said, on one line and without its drawing."""
    words = " ".join(re.sub("[^ -~]", " ", said).split()).removeprefix("error: ").rstrip(".")
    return words.replace(" cause: ", ": ").replace(" hint: ", ". ")
