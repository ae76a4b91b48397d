"""`python -m tests.e2e.first_day`: the first five minutes of a user, timed.

From `rollcall new` to a finished batch of own items (a CSV) in each architecture, through own work with a dependency, a
secret and a bucket, without editing a template. The sandbox is that of the environment (ROLLCALL_PROJECT, ...).
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.e2e.badges import write_job

LIMIT_SECONDS = 300


def first_day(folder: Path, environment: Mapping[str, str]) -> tuple[dict[str, float], str]:
    """Do all of it in `folder`, which is new; returns the seconds of each step, and all that the commands printed."""
    took: dict[str, float] = {}
    printed: list[str] = []

    def step(name: str, do: Callable[[], object]) -> None:
        began = time.monotonic()
        do()
        took[name] = time.monotonic() - began

    def run(*words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            env={**os.environ, **environment, "ROLLCALL_WORK": str(folder)},
            capture_output=True,
            text=True,
        )
        printed.append(done.stdout + done.stderr)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{printed[-1]}")

    step("rollcall new", lambda: run("rollcall", "new", str(folder)))
    step("its tests", lambda: run("rollcall", "test", str(folder)))
    step("own files", lambda: write_job(folder))
    step("rollcall up", lambda: run("rollcall", "up"))
    for architecture in ("sqs", "sfn"):
        step(f"rollcall run {architecture}", lambda name=architecture: run("rollcall", "run", name))  # type: ignore[misc]
    return took, "".join(printed)


def main() -> int:
    """Print the seconds of each step. Returns 1 if they are more than five minutes."""
    with tempfile.TemporaryDirectory() as folder:
        took, _ = first_day(Path(folder) / "badges", {})
    for name, seconds in {**took, "in all": sum(took.values())}.items():
        print(f"{name:<20} {seconds:6.1f} s")
    return int(sum(took.values()) > LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
