"""`rollcall check` of a file with some content."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from costs.plan.settings import Settings
from handlers.core.reading import Reading
from rollcall.inputs.check import Check, check
from rollcall.inputs.local_input import LocalInput

DEFAULTS = Settings()


def checked(
    name: str, content: bytes, settings: Settings = DEFAULTS, listed: int = 1000, reading: dict[str, Any] | None = None
) -> Check:
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        return check(LocalInput([path], Reading.parse(reading or {})), settings, listed, lambda items, rest: None)
