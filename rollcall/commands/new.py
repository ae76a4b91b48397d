"""`rollcall new`: makes a work folder."""

import shutil
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from bootstrap.problem import Problem
from rollcall.terminal.console import print_next, stdout

# A small job of its own, which runs as it is.
FILES = Path(__file__).with_name("new_work")
# Hidden in the work folder. Here they would hide files from git, or set an editor.
HIDDEN = ("gitignore", "vscode")

app = typer.Typer()


@app.command(epilog="Example: [bold]rollcall new ../my-work[/]")
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder; it must be empty or not be there yet.")],
) -> None:
    """Make DIR with work.py, source.py, rollcall.toml and a test that passes."""
    make(folder)
    name = quote(str(folder))
    stdout.print(f"made {folder}: work.py, source.py, rollcall.toml, tests/", markup=False, soft_wrap=True)
    print_next(
        {
            f"rollcall test {name}": "its tests: process, and whole batches in the sandbox",
            f"export ROLLCALL_WORK={quote(str(folder.resolve()))}": "the commands below take it from there",
            "rollcall up": "deploy it to the sandbox",
            "rollcall run sqs": "a batch of its items; also: sfn",
            "rollcall dev": "put every saved edit live; with --debug, stop in it with VS Code",
        }
    )


def make(folder: Path) -> None:
    """Copy the example's files to the folder. Raises Problem if anything is there."""
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise Problem(f"{folder} is not empty", "name a new folder, so that nothing of yours is overwritten")
        shutil.copytree(FILES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        for name in HIDDEN:
            (folder / name).rename(folder / f".{name}")
    except OSError as error:
        raise Problem(f"{folder} cannot be made: {error.strerror}") from error
