"""The surroundings of a function's process: environment variables, and the packages of its runtime.

The variables are AWS's and the function's own, none of the engine's. The packages lie in one folder, as in AWS's
/var/runtime: it has links to awslambdaric, boto3 and their requirements in the engine's own environment. So nothing is
downloaded, and the function can import nothing else of the engine.
"""

import os
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from tempfile import mkdtemp

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import InitializationType
from packaging.requirements import Requirement

from sandbox.clock import wall
from sandbox.clock.clock import CLOCK
from sandbox.executor.log_writer import LogStream

HERE = Path(__file__).parent
FRAMES_FD = 3  # in a function's process: see warden.py
DISTRIBUTIONS = ("awslambdaric", "boto3")
# Where a layer has Python packages, beside its folder `python`.
# https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
PACKAGES = "python/lib/python3.13/site-packages"
# LocalStack adds these for its own init process and emulator; AWS does not have them.
INTERNAL_PREFIX = "LOCALSTACK_"
INTERNAL = {"EDGE_PORT", "AWS_LAMBDA_FUNCTION_TIMEOUT"}


@dataclass(frozen=True)
class CodePackage:
    """A code and its layers, unpacked. AWS merges the layers in /opt: a later one's files replace others'."""

    task_root: Path
    layers: tuple[Path, ...]

    def variables(self) -> dict[str, str]:
        """The environment variables that all its environments begin with."""
        folder = str(runtime_folder())
        packages = [str(place) for layer in reversed(self.layers) for place in (layer / PACKAGES, layer / "python")]
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",  # en_US.UTF-8 on AWS: a small image does not have it
            "PYTHONPATH": os.pathsep.join([*packages, folder]),
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_INITIALIZATION_TYPE": InitializationType.on_demand,
            "LAMBDA_RUNTIME_DIR": folder,
            "LAMBDA_TASK_ROOT": str(self.task_root),
        }


def environment_variables(
    platform: dict[str, str],
    own: dict[str, str],
    *,
    package: CodePackage,
    runtime_api: str,
    temporary: Path,
    log: LogStream,
) -> dict[str, str]:
    """`platform` are LocalStack's variables, `own` those of the function's configuration, which override them.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    first = package.variables()
    return {
        **first,
        "TMPDIR": str(temporary),
        # A native function runs as the developer: without these the SDKs would find ~/.aws, profiles and settings of a
        # real account, and on an EC2 instance its role.
        "HOME": str(temporary),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **{
            name: str(value)
            for name, value in platform.items()
            if not name.startswith(INTERNAL_PREFIX) and name not in INTERNAL
        },
        **own,
        **{name: first[name] for name in ("AWS_EXECUTION_ENV", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT")},
        "AWS_LAMBDA_LOG_GROUP_NAME": log.group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log.name,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "_LAMBDA_TELEMETRY_LOG_FD": str(FRAMES_FD),
    }


@cache
def runtime_folder() -> Path:
    """The folder with the runtime's packages, made once per engine."""
    Path(config.dirs.tmp).mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix="lambda-runtime-", dir=config.dirs.tmp))
    for name in sorted(_with_requirements(DISTRIBUTIONS)):
        installed = distribution(name)
        for entry in {file.parts[0] for file in installed.files or () if file.parts[0] not in ("..", "__pycache__")}:
            (folder / entry).symlink_to(str(installed.locate_file(entry)))
    (folder / "rollcall_wall_clock.py").symlink_to(wall.__file__)
    (folder / "rollcall_clock_offset").symlink_to(CLOCK.shared)
    for name in ("warden", "preload", "debuggee"):
        (folder / f"rollcall_{name}.py").symlink_to(HERE / f"{name}.py")
    return folder


def _with_requirements(names: tuple[str, ...]) -> set[str]:
    """`names` and every distribution that they need, directly or not, without extras."""
    found: set[str] = set()
    wanted = list(names)
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            needs = map(Requirement, distribution(name).requires or ())
            wanted += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found
