"""The engine's index of all AWS services, kept with its packages; `python -m sandbox.engine.catalog` makes it.

Stock keeps it among an engine's own files, so every new engine spends two seconds making it before its first answer.
"""

import os
import sys
from pathlib import Path

from localstack.aws import spec

FOLDER = Path(sys.prefix, "share", "rollcall")
_stock_name = spec._get_catalog_filename


def path() -> str:
    """Where the index of the installed versions is kept."""
    return str(FOLDER / _stock_name())


def install() -> None:
    """Load the index from there if it was made; LocalStack joins the path to folders of its own, where it wins."""
    if os.path.exists(path()):
        spec._get_catalog_filename = path


def make() -> None:
    """Make the index, in one step for whoever reads it meanwhile."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    half = f"{path()}.{os.getpid()}"
    spec.build_service_index_cache(half)
    os.replace(half, path())


if __name__ == "__main__":
    make()
