"""The layers that this checkout keeps for the next deployment: zips, and folders of their files for native engines.

An engine uses such a folder instead of unpacking the layer, whose 3,000 files take 0.2 to 4 s. A lock on the folder
tells that it is in use, and ends with the engine's process. A container has none of these folders.
"""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path

from sandbox.state import REPOSITORY

LAYERS = REPOSITORY / ".rollcall" / "layers"
"""Zips, and folders by the SHA-256 of a zip in hexadecimal digits."""


def use(digest: str) -> Path | None:
    """The folder of the layer's files, which nobody deletes while this process lives; None if there is none."""
    folder = LAYERS / digest
    with suppress(FileNotFoundError):
        opened = os.open(folder, os.O_RDONLY)
        fcntl.flock(opened, fcntl.LOCK_SH)
        if folder.is_dir():
            return folder
        os.close(opened)  # it was deleted while this waited
    return None


def delete(folder: Path) -> None:
    """Delete a folder, unless an engine uses it."""
    opened = os.open(folder, os.O_RDONLY)
    with suppress(BlockingIOError):
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    os.close(opened)
