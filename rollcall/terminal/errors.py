"""Turns every expected error into a message on stderr and an exit code."""

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

EXPECTED = (Problem, SandboxError, ClientError, BotoCoreError)
"""What may go wrong without a bug of Rollcall's."""


class Interrupted(Exception):
    """The user pressed Ctrl-C. The message says what continues without the command, the hint how to return to it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def guarded(command: Callable[[], Any]) -> int:
    """Run `command`, print its errors on stderr, and return the exit code.

    Any other exception is a bug of Rollcall and keeps its traceback.
    """
    try:
        return command() or 0
    except (typer.TyperException, *EXPECTED) as error:
        message, hint = explained(error)
        if not message:  # without a command, Typer has printed the help
            return 0
        tell(message, hint, "error: ")
        return 2
    except Interrupted as interrupted:
        tell(str(interrupted), interrupted.hint)
        return 130
    except KeyboardInterrupt:
        return 130


def explained(error: Exception) -> tuple[str, str | None]:
    """The message and the hint of an error. AWS's errors keep their code."""
    message, hint = str(error), None
    match error:
        case Problem():
            hint = error.hint
        case typer.TyperException():
            context = getattr(error, "ctx", None)
            path = context.command_path if context else "rollcall"
            # Typer prefixes the type of a parser's error.
            message, hint = error.format_message().replace(": Value error, ", ": "), f"see `{path} --help`"
        case ClientError():
            reason = error.response["Error"]
            message = f"{error.operation_name}: {reason['Code']}: {reason['Message']}"
            hint = "see `rollcall status`"
        case NoCredentialsError():
            hint = "name a profile with --profile, or set one up with `aws configure`"
        case NoRegionError():
            hint = "name one with --region"
        case ConnectionError() | HTTPClientError():
            hint = "see whether the sandbox still runs with `rollcall status`"
    return message, hint


def tell(message: str, hint: str | None, label: str = "") -> None:
    """Print a message and a hint on stderr."""
    stderr.print(Text.assemble((label, "bold red"), printable(message)), soft_wrap=True)
    if hint:
        stderr.print(Text(printable(hint), "dim"), soft_wrap=True)
