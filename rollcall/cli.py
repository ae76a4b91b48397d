"""The command line: the name of every command with its help.

`rollcall --help` reads only this table. A command's options and body are in `rollcall/commands/<name>.py`, which is
imported when the command is called.
"""

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group, get_install_completion_arguments

COMMANDS = {
    "new": "Make a work folder: your own code, with an example and a test that passes.",
    "up": "Start the sandbox and deploy both stacks into it.",
    "test": "Run the tests of your work folder: process itself, and whole batches in the sandbox.",
    "down": "Stop the sandbox and delete everything in it.",
    "status": "Show the endpoint, the stacks' resources and the latest batches, or one batch in detail.",
    "check": "Read a file of items before anything runs: bad lines, repeated ids, chunks, cost.",
    "convert": "Turn Parquet, an Excel sheet or an export of DynamoDB into a file of items.",
    "run": "Run a batch, show its progress, and sum it up when its Batch Finished event arrives.",
    "watch": "Follow a batch of either architecture to its end.",
    "console": "Serve pages about batches on 127.0.0.1: when the last item will be done, and why not yet.",
    "explain": "Say in one sentence why a batch stands, and what shows it.",
    "cancel": "End a running batch early. Items that are being processed are finished, the others remain.",
    "redrive": "Run the failed and remaining items of a batch again, as its next generation.",
    "failures": "List every item of a batch that failed for good, with its error and attempts.",
    "results": "Print what `process` returned for each item of a batch.",
    "logs": "Show the log lines of the functions, in order of time, or those of the engine.",
    "trigger": "Send the event that the schedule sends, now.",
    "env": "Print the environment variables with which other AWS clients call the sandbox.",
    "dev": "Deploy every saved edit of your work to the sandbox until Ctrl-C.",
    "demo": "Start the sandbox, run 1,000 items through each architecture, and compare.",
    "faults": "Inject failures into the sandbox, and count them.",
    "clock": "Show the sandbox's clock, or advance it: hours pass in seconds.",
    "bill": "Show the cost on AWS of a batch that ran here, line by line, and what its stack costs at rest.",
    "meter": "Show the quantities that the sandbox counted, in the units in which AWS bills.",
    "plan": "Compute the cost and the duration on AWS of a batch of any size, and what decides them.",
    "tune": "Find the settings with which a batch is cheapest, or fastest, within a deadline.",
}


def narrow(format_help: Callable[..., None]) -> Callable[..., None]:
    """Help without the space on the left of each column: the longest options stay whole on 80 columns."""

    @wraps(format_help)
    def format_narrow_help(*given: Any) -> None:
        # Half of the time in which a command imports itself, and only help needs it.
        from typer import rich_utils

        rich_utils.STYLE_OPTIONS_TABLE_PADDING = (0, 1, 0, 0)  # type: ignore[assignment]  # Rich takes four, too
        format_help(*given)

    return format_narrow_help


for kind in (TyperCommand, TyperGroup):
    kind.format_help = narrow(kind.format_help)  # type: ignore[method-assign]


class Commands(TyperGroup):
    """The group of all commands. It lists them from COMMANDS, and imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        listed = [TyperCommand(name, help=sentence) for name, sentence in COMMANDS.items()]
        super().__init__(commands=listed, **attributes)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that `args` names, with its options, and the arguments after it. Raises UsageError."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, name and load(name), rest


def load(name: str) -> Any:
    """Import a command: the one of that name in its module's `app`, or the whole `app` where that is a group."""
    module = import_module(f"rollcall.commands.{name}")
    group = get_group(module.app)
    command = group.commands.get(name, group)
    command.name, command.help = name, COMMANDS[name]
    return command


def print_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        print(f"rollcall {version('rollcall')}")
        raise typer.Exit


options = typer.Typer()


@options.callback()
def of_all_commands(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=print_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """The options that stand before a command."""


app = Commands(
    name="rollcall",
    params=[*get_group(options).params, *get_install_completion_arguments()],
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="When is the last item of a batch done? Run whole batches through SQS or Step Functions, in a sandbox on this "
    "machine, and see.",
    epilog="Start here: [bold]rollcall demo[/]",
)
