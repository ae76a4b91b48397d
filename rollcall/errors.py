"""Every failure ends as a message on stderr and an exit code, never as a traceback."""

from collections.abc import Callable
from typing import Any

import typer
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
from rich.markup import escape

from rollcall.terminal import stderr
from sandbox.state import SandboxError


class Problem(Exception):
    """What failed, for which input, and what was expected; `hint` is what to do next."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Interrupted(Exception):
    """The user pressed Ctrl-C; the message says what goes on without us, the hint how to return to it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def guarded(command: Callable[[], Any]) -> int:
    """Run `command` and return the exit code; its errors are printed on stderr.

    Anything but the errors named here is a defect of ours and keeps its traceback.
    """
    try:
        return command() or 0
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "rollcall"
        # Typer's converters prefix the type of their own error.
        complain(error.format_message().replace(": Value error, ", ": "), f"see `{path} --help`")
        return 2
    except Problem as problem:
        complain(str(problem), problem.hint)
        return 2
    except SandboxError as error:
        complain(str(error), None)
        return 2
    except ClientError as error:
        reason = error.response["Error"]
        complain(f"{error.operation_name}: {reason['Code']}: {reason['Message']}", "see `rollcall status`")
        return 2
    except NoCredentialsError as error:
        complain(str(error), "name a profile with --profile, or set one up with `aws configure`")
        return 2
    except HTTPClientError as error:
        complain(str(error), "see whether it still runs with `rollcall status`")
        return 2
    except BotoCoreError as error:
        complain(str(error), None)
        return 2
    except Interrupted as interrupted:
        stderr.print(f"{escape(str(interrupted))}\n[dim]{escape(interrupted.hint)}[/]", soft_wrap=True)
        return 130
    except KeyboardInterrupt:
        return 130


def complain(message: str, hint: str | None) -> None:
    """Print an error and what to do next on stderr."""
    stderr.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    if hint:
        stderr.print(f"[dim]{escape(hint)}[/]", soft_wrap=True)
