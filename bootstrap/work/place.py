"""Where the work is: `--work`, else `ROLLCALL_WORK`, else the line `work` of the repository's rollcall.toml."""

import os
from pathlib import Path

from bootstrap.packaging import ROOT
from bootstrap.work.problem import BadWork
from bootstrap.work.settings import FILE
from bootstrap.work.toml_file import TomlFile

VARIABLE = "ROLLCALL_WORK"
# What the work is called where there is no folder.
EXAMPLE = "the example"


def chosen_work(given: Path | None, root: Path = ROOT) -> Path | None:
    """The absolute path of the work folder; None for the example. `given` is that of the command line.

    Raises BadWork if there is no such folder.
    """
    if given:
        return checked(given, f"--work {given}")
    if named := os.environ.get(VARIABLE):
        return checked(Path(named), f"{VARIABLE}={named}")
    if not (root / FILE).is_file():
        return None
    file = TomlFile(root / FILE)
    named = file.table((), ("work",)).get("work")
    if named is None:
        return None
    if not isinstance(named, str) or not named:
        raise file.refused(("work",), f'{named!r:.100} must be a folder, such as "../my-work"')
    return checked(root / Path(named).expanduser(), f"{file.shown}, line {file.line_of(('work',))}: work = {named!r}")


def checked(folder: Path, said: str) -> Path:
    """The folder's absolute path. Raises BadWork if it is no work folder; `said` is how it was chosen."""
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "there is no such folder"
        raise BadWork(f"{said}: {what}", "make one: rollcall new my-work")
    if not any((folder / name).is_file() for name in ("work.py", "source.py")):
        raise BadWork(
            f"{said}: it has neither work.py nor source.py, so it is no work folder",
            "make one: rollcall new my-work",
        )
    return folder.resolve()
