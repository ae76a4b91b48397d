"""Runs a bench: handles a stop, prints failures, writes the figures to a file."""

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from bench.engine import BENCH_PROJECT
from bootstrap.failures import DeployFailed
from bootstrap.problem import Problem
from bootstrap.vendoring import CannotVendor
from rollcall.terminal.console import stderr
from sandbox.state import SandboxError, state_folder


def carry_out(measure: Callable[[], Any], json_file: Path | None) -> int:
    """Call `measure` and write its result to `json_file`, if given; returns the exit code.

    0 when done, even if a goal is missed, because machines are noisy; 1 if something fails; 130 after Ctrl-C.
    """
    # A stop request unwinds like any exit, so that the engine is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        figures = measure()
    except (Problem, SandboxError, DeployFailed, CannotVendor, ClientError, BotoCoreError) as error:
        logs = sorted(map(str, state_folder("").glob(f"{BENCH_PROJECT}-*/engine.log")))
        hints = [error.hint] if isinstance(error, Problem) and error.hint else []
        hints += [f"the engines' logs: {', '.join(logs)}"] if logs else []
        stderr.print("\n".join([str(error), *hints]), markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130
    if json_file:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")
    return 0
