"""What tests of commands share."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# Port 9 (discard) belongs to nobody: nothing answers there.
NOWHERE = ("--port", "9", "--project", "nobody")

type Cli = Callable[..., tuple[int, str, str]]


def refused(answer: tuple[int, str, str], *names: str) -> None:
    """The command failed as a user's mistake should, and its message names everything in `names`."""
    code, out, err = answer
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    for name in names:
        assert name in err


def module_complains(module: str, words: list[str], complaint: str) -> None:
    """`python -m module words` is refused as wrong usage, with this complaint."""
    ended = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert complaint in " ".join(ended.stderr.split())
