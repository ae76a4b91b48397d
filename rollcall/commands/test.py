"""`rollcall test`: runs the tests of a work folder with pytest."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.work.place import checked
from rollcall.target.target import SandboxTarget, targeted
from rollcall.terminal.options import ArchitectureName, Engine, EngineChoice

app = typer.Typer()


@app.command(
    "test",
    epilog="Examples: [bold]rollcall test ../my-work[/], [bold]rollcall test ../my-work -- -x -k badge[/]\n\n"
    "Exit codes: pytest's (0 all passed, 1 some failed, 5 there is none), 2 usage or environment.",
)
@targeted
def run_pytest(
    target: SandboxTarget,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The work folder.", show_default=False)],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- ARGUMENTS]", help="Arguments of pytest, which runs in the folder.", show_default=False
        ),
    ] = None,
    architecture: Annotated[
        ArchitectureName | None, typer.Option(help="Run batches only in this one.", show_default="both")
    ] = None,
    engine: EngineChoice = Engine.auto,
) -> None:
    """Run the folder's tests. The first one with a batch starts the sandbox, unless it runs; it stays up."""
    work = checked(folder, str(folder))
    variables = {"ROLLCALL_PROJECT": target.project, "ROLLCALL_SUFFIX": target.suffix}
    if target.port:
        variables["ROLLCALL_PORT"] = str(target.port)
    if engine != Engine.auto:
        variables["ENGINE"] = engine
    chosen = [f"--architecture={architecture}"] if architecture else []
    # -P: no module of the folder stands in the place of one of pytest's or Rollcall's.
    command = [sys.executable, "-P", "-m", "pytest", *chosen, *(words or [])]
    os.chdir(work)
    sys.stdout.flush()
    sys.stderr.flush()
    # In this process's place: its exit code and its answer to Ctrl-C are pytest's.
    os.execve(sys.executable, command, {**os.environ, **variables})  # noqa: S606  # a list of words, without a shell
