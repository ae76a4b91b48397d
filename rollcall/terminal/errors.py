"""Every failure ends as a message on stderr and an exit code, never as a traceback."""

from collections.abc import Callable
from typing import Any

import typer
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
)
from rich.text import Text

from bootstrap.printable import printable
from bootstrap.problem import Problem
from rollcall.terminal.console import stderr
from sandbox.state import SandboxError


class Interrupted(Exception):
    """The user pressed Ctrl-C; the message says what goes on without us, the hint how to return to it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def guarded(command: Callable[[], Any]) -> int:
    """Run `command` and return the exit code; its errors are printed on stderr.

    Anything but the errors named here is a defect of ours and keeps its traceback.
    """
    try:
        return command() or 0
    except (typer.TyperException, Problem, SandboxError, ClientError, BotoCoreError) as error:
        message, hint = explained(error)
        tell(message, hint, "error: ")
        return 2
    except Interrupted as interrupted:
        tell(str(interrupted), interrupted.hint)
        return 130
    except KeyboardInterrupt:
        return 130


def explained(error: Exception) -> tuple[str, str | None]:
    """What to say about an error, and what to do next. AWS's errors keep their code."""
    match error:
        case Problem():
            return str(error), error.hint
        case typer.TyperException():
            context = getattr(error, "ctx", None)
            path = context.command_path if context else "rollcall"
            # Typer's converters prefix the type of their own error.
            return error.format_message().replace(": Value error, ", ": "), f"see `{path} --help`"
        case ClientError():
            reason = error.response["Error"]
            return f"{error.operation_name}: {reason['Code']}: {reason['Message']}", "see `rollcall status`"
        case NoCredentialsError():
            return str(error), "name a profile with --profile, or set one up with `aws configure`"
        case NoRegionError():
            return str(error), "name one with --region"
        case ConnectionError() | HTTPClientError():
            return str(error), "see whether the sandbox still runs with `rollcall status`"
        case _:
            return str(error), None


def tell(message: str, hint: str | None, label: str = "") -> None:
    """Print what happened and what to do next on stderr."""
    stderr.print(Text.assemble((label, "bold red"), printable(message)), soft_wrap=True)
    if hint:
        stderr.print(Text(printable(hint), "dim"), soft_wrap=True)
