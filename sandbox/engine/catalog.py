"""The engine's index of all AWS services; `python -m sandbox.engine.catalog` makes it, beside the packages.

Stock keeps it among an engine's own files, so every new engine spends two seconds making it before its first answer.
"""

import os
import sys
from pathlib import Path

from localstack.aws import spec

FOLDER = Path(sys.prefix, "share", "rollcall")
_stock_name = spec._get_catalog_filename


def path() -> str:
    """The file with the index of the installed versions."""
    return str(FOLDER / _stock_name())


def install() -> None:
    """Load the index from `path()` if it is there. LocalStack joins paths to its own folders; an absolute one wins."""
    if os.path.exists(path()):
        spec._get_catalog_filename = path


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    half = f"{path()}.{os.getpid()}"
    spec.build_service_index_cache(half)
    os.replace(half, path())  # in one step, because an engine may read it meanwhile
