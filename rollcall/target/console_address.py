"""The address of the console that runs beside a sandbox, for the commands that print it."""

import json
import os
from contextlib import suppress
from pathlib import Path

from sandbox.state import state_folder


def console_file(project: str) -> Path:
    """The file with the URL of the console of a sandbox, while it runs."""
    return state_folder(project) / "console.json"


def console_url(project: str, page: str = "") -> str | None:
    """The URL of a page of the console that runs for a sandbox; None if none does."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        written = json.loads(console_file(project).read_text())
        os.kill(written["pid"], 0)
        return str(written["url"]).replace("/?", f"/{page}?", 1)
    return None


def page_of(architecture: str, batch_id: str) -> str:
    """The path of a batch's page."""
    return f"batches/{architecture}/{batch_id}"
