"""`rollcall check` of bytes that need not be a file."""

import io
from pathlib import Path

from costs.plan.settings import Settings
from rollcall.inputs.check import Check, check
from rollcall.inputs.local_file import LocalFile


def checked(name: str, content: bytes, settings: Settings | None = None, listed: int = 1000) -> Check:
    source = LocalFile(Path(name), io.BufferedReader(io.BytesIO(content)))  # type: ignore[arg-type]
    return check(source, settings or Settings(), len(content), listed, lambda items, rest: None)
