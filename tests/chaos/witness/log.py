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

# An environment has a folder of its own, which it shares with the process that it has forked for the work.
_FOLDER = Path(os.environ["TMPDIR"])
_CHUNK = _FOLDER / "witness-chunk"
_FILE = os.open(
    Path(__file__).with_name("witness_file").read_text().strip(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644
)


def tell(what: str, **fields: Any) -> None:
    """Append a line. The process of the work may end, and its function go on: they count as two."""
    line = {"what": what, "at": time.time_ns(), "process": f"{_FOLDER.name}-{os.getpid()}", **fields}
    os.write(_FILE, (json.dumps(line, separators=(",", ":")) + "\n").encode())


def works_on(batch_id: str, generation: int, seq: int) -> None:
    """What is processed from now on belongs to this chunk: an environment works on one at a time."""
    _CHUNK.write_text(json.dumps({"batch": batch_id, "generation": generation, "seq": seq}))


def chunk() -> dict[str, Any]:
    """The chunk that this environment works on."""
    return json.loads(_CHUNK.read_text())


def mistake(batch_id: str, always: bool = False) -> None:
    """Raise what only a mistake in the code raises, where the batch's id says so: for good here, or often anywhere."""
    if (always and "-mistaken-always" in batch_id) or ("-mistaken-often" in batch_id and random.random() < 0.1):
        raise AssertionError(f"a mistake that was made for {batch_id}")
