"""The witness's log: one file for all processes of the functions; a line tells what has happened before it.

In the zip it is handlers/witness.py. A line is one write to a file opened for appending, so the order of the lines is
the order of the events, across processes, and a line stands even if its process is killed right after.
"""

import json
import os
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
