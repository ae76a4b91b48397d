"""The engine's index of all AWS services; `python -m sandbox.engine.catalog` makes it, beside the packages.

Stock keeps it among an engine's own files, so every new engine spends two seconds making it before its first answer.
"""

import os
import sys
from pathlib import Path

from localstack.aws import spec

PATH = Path(sys.prefix, "share", "rollcall", spec._get_catalog_filename())
"""The index of the installed versions: LocalStack puts them into the name."""


def install() -> None:
    """Load the index from PATH if it is there. LocalStack joins names to its own folders; an absolute path wins."""
    if PATH.exists():
        spec._get_catalog_filename = lambda: str(PATH)


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    half = f"{PATH}.{os.getpid()}"
    spec.build_service_index_cache(half)
    os.replace(half, PATH)  # in one step, because an engine may read it meanwhile
