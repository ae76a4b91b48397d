"""What a function sees beside the standard library and its own zip: the runtime, as AWS's /var/runtime.

A folder of links to awslambdaric, boto3 and what they require, all out of the engine's own environment: nothing is
downloaded, and nothing else of the engine can be imported.
"""

from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from tempfile import mkdtemp

from localstack import config
from packaging.requirements import Requirement

DISTRIBUTIONS = ("awslambdaric", "boto3")


@cache
def runtime_folder() -> Path:
    """The folder, made once per engine."""
    Path(config.dirs.tmp).mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix="lambda-runtime-", dir=config.dirs.tmp))
    for name in sorted(_with_requirements(DISTRIBUTIONS)):
        installed = distribution(name)
        for entry in {file.parts[0] for file in installed.files or () if file.parts[0] not in ("..", "__pycache__")}:
            (folder / entry).symlink_to(str(installed.locate_file(entry)))
    return folder


def _with_requirements(names: tuple[str, ...]) -> set[str]:
    """`names` and every distribution that they need, directly or not, without their extras."""
    found: set[str] = set()
    wanted = list(names)
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found.add(name)
        requirements = map(Requirement, distribution(name).requires or ())
        wanted += [each.name for each in requirements if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found
