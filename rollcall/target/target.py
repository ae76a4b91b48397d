"""The options that choose the sandbox or AWS account of a command."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from shlex import quote
from typing import Annotated, Any

import typer

from bootstrap.problem import Problem
from bootstrap.stacks import checked_suffix
from rollcall.terminal.errors import Interrupted
from rollcall.terminal.options import grouped
from sandbox.settings import DEFAULT_PROJECT

PANEL = "Where"
# A command line in a hint. It gets the options of the target.
COMMAND = re.compile(r"`rollcall ([^`]*)`")


def quoted(option: str) -> str:
    """An option for a shell: `--profile='my work'`."""
    name, equals, value = option.partition("=")
    return name + equals + quote(value) if equals else quote(option)


def port_number(text: str) -> int:
    """Parse a port."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise typer.BadParameter(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def stack_suffix(text: str) -> str:
    """Parse a suffix of the stacks' names."""
    try:
        return checked_suffix(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@dataclass(frozen=True, kw_only=True)
class SandboxTarget:
    """A sandbox on this machine."""

    port: Annotated[
        int | None,
        typer.Option(
            envvar="ROLLCALL_PORT",
            parser=port_number,
            metavar="PORT",
            show_default="the running sandbox's, else 4566",
            help="Port of the sandbox on 127.0.0.1.",
            rich_help_panel=PANEL,
        ),
    ] = None
    project: Annotated[
        str, typer.Option(envvar="ROLLCALL_PROJECT", help="Name of the sandbox.", rich_help_panel=PANEL)
    ] = DEFAULT_PROJECT
    suffix: Annotated[
        str,
        typer.Option(
            envvar="ROLLCALL_SUFFIX",
            parser=stack_suffix,
            metavar="TEXT",
            help="Suffix of the two stacks' names.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = ""

    def command(self, words: str) -> str:
        """The command line `rollcall <words>` with the options of this sandbox. `words` are quoted for a shell."""
        return " ".join(["rollcall", words, *map(quoted, self.options())])

    def options(self) -> list[str]:
        """The options that name this sandbox."""
        port = ["--port", str(self.port)] if self.port else []
        given = [
            f"--project={self.project}" if self.project != DEFAULT_PROJECT else "",
            f"--suffix={self.suffix}" if self.suffix else "",
        ]
        return [*port, *filter(None, given)]


@dataclass(frozen=True, kw_only=True)
class Target(SandboxTarget):
    """A sandbox on this machine or, with `--aws`, an AWS account."""

    aws: Annotated[
        bool, typer.Option("--aws", help="Use the stacks in your AWS account, not the sandbox.", rich_help_panel=PANEL)
    ] = False
    profile: Annotated[
        str | None, typer.Option(help="AWS profile, with --aws.", show_default=False, rich_help_panel=PANEL)
    ] = None
    region: Annotated[
        str | None, typer.Option(help="AWS region, with --aws.", show_default=False, rich_help_panel=PANEL)
    ] = None

    def options(self) -> list[str]:
        """The options that name this target."""
        if not self.aws:
            return super().options()
        given = [
            "--aws",
            f"--profile={self.profile}" if self.profile else "",
            f"--region={self.region}" if self.region else "",
            f"--suffix={self.suffix}" if self.suffix else "",
        ]
        return [*filter(None, given)]


def targeted(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the target's class to those of `command(target, ...)`.

    The command lines in the hints of its errors get the same options.
    """

    @wraps(command)
    def with_target(target: SandboxTarget, **values: Any) -> None:
        if isinstance(target, Target) and not target.aws and (target.profile or target.region):
            raise typer.BadParameter("only --aws uses your AWS account", param_hint="--profile/--region")
        try:
            command(target, **values)
        except (Problem, Interrupted) as error:
            error.hint = error.hint and COMMAND.sub(lambda match: f"`{target.command(match[1])}`", error.hint)
            raise

    return grouped(with_target)
