"""`rollcall down`: stops the sandbox."""

import typer

from rollcall.target.target import SandboxTarget, targeted
from rollcall.terminal.console import stdout, steps
from sandbox.host import control

app = typer.Typer()


@app.command()
@targeted
def down(target: SandboxTarget) -> None:
    """Stop the sandbox if it runs."""
    with steps("stopping the sandbox"):
        stopped = control.stop(target.project)
    if stopped:
        stdout.print(f"stopped the sandbox {target.project} at {stopped.endpoint} ({stopped.engine})", soft_wrap=True)
    else:
        stdout.print(f"no sandbox {target.project} was running", soft_wrap=True)
