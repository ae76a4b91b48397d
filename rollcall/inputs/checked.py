"""Checks a file of this machine, and shows how far it has come."""

from pathlib import Path

from bootstrap.problem import Problem
from costs.format import count
from costs.plan.settings import Settings
from rollcall.batches.input_file import refuse_no_file
from rollcall.inputs.check import Check, check
from rollcall.inputs.local_file import LocalFile
from rollcall.terminal.ticker import ticker


def checked(path: Path, settings: Settings, listed: int) -> Check:
    """Check a file, and list the first `listed` bad lines and repeated ids. Raises Problem if it cannot be opened."""
    refuse_no_file(path, str(path))
    try:
        with path.open("rb") as file, ticker() as tell:

            def so_far(items: int, rest: str) -> None:
                tell(f"checking {path.name}: {count(items, 'item')}, {rest}")

            return check(LocalFile(path, file), settings, path.stat().st_size, listed, so_far)
    except OSError as error:
        raise Problem(f"{path}: it cannot be read: {error.strerror}") from None
