"""The witness's log: one file for all processes of the functions; a line tells what has happened before it.

In the zip it is handlers/witness.py. A line is one write to a file opened for appending, so the order of the lines is
the order of the events, across processes, and a line stands even if its process is killed right after.
"""

import json
import os
import random
import time
from pathlib import Path
from typing import Any

# The chunk that this process works on: an environment has one invocation at a time, an invocation one chunk.
chunk: dict[str, Any] = {}

_PROCESS = f"{os.getpid()}-{time.time_ns():x}"
_FILE = os.open(
    Path(__file__).with_name("witness_file").read_text().strip(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644
)


def tell(what: str, **fields: Any) -> None:
    """Append a line."""
    line = {"what": what, "at": time.time_ns(), "process": _PROCESS, **fields}
    os.write(_FILE, (json.dumps(line, separators=(",", ":")) + "\n").encode())


def works_on(batch_id: str, generation: int, seq: int) -> None:
    """What is processed from now on belongs to this chunk."""
    chunk.update(batch=batch_id, generation=generation, seq=seq)


def mistake(batch_id: str, always: bool = False) -> None:
    """Raise what only a mistake in the code raises, where the batch's id says so: for good here, or often anywhere."""
    if (always and "-mistaken-always" in batch_id) or ("-mistaken-often" in batch_id and random.random() < 0.1):
        raise AssertionError(f"a mistake that was made for {batch_id}")
