"""What the function's process and your code's process tell each other through their pipes."""

import json
import os
import pickle
import struct
import threading
from dataclasses import dataclass
from typing import Any

from handlers.core.json_text import Item

LENGTH = struct.Struct("!Q")
READ_BYTES = 64 * 1024
# More than a pipe holds, and than a message has. Your code might write without end.
MOST_BYTES = 1024 * 1024

type Message = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """One run: `items` by their places, all in one call of `process_chunk` or each in one of `process`.

    No item is begun after `begin_until`, in nanoseconds of the monotonic clock. `item_seconds` is the longest that an
    awaited item may take. The ids stand in the log lines and traces of your code.
    """

    items: dict[int, Item]
    at_once: bool
    concurrency: int
    begin_until: int
    item_seconds: float | None
    keep_values: bool
    request_id: str
    trace_id: str

    def packed(self) -> bytes:
        """The command as bytes, from which each `received` makes fresh items."""
        body = pickle.dumps(vars(self))
        return LENGTH.pack(len(body)) + body


def received(file: int) -> Command | None:
    """The next command; None when the other side is gone."""
    head = read_whole(file, LENGTH.size)
    body = read_whole(file, *LENGTH.unpack(head)) if head else b""
    return Command(**pickle.loads(body)) if body else None  # noqa: S301 - it comes from our own process


def read_whole(file: int, size: int) -> bytes:
    """So many bytes; none if the file ends before."""
    whole = b""
    while len(whole) < size:
        part = os.read(file, size - len(whole))
        if not part:
            return b""
        whole += part
    return whole


class Outcomes:
    """Writes messages, one JSON object a line. May be used in several threads. Raises OSError."""

    def __init__(self, file: int):
        self._file = file
        self._lock = threading.Lock()

    def tell(self, **message: Any) -> None:
        left = json.dumps(message).encode() + b"\n"
        with self._lock:
            while left:
                left = left[os.write(self._file, left) :]


class Inbox:
    """Reads messages from a pipe that does not block. `is_broken` once the pipe has held what we have not written."""

    def __init__(self, file: int):
        self.is_broken = False
        self._file = file
        self._rest = b""

    def read(self) -> list[Message]:
        """The messages that have come, except for what is none; a part of them if they are very many."""
        *lines, self._rest = (self._rest + self._some()).split(b"\n")
        found = [message for line in lines if (message := parsed(line)) is not None]
        self.is_broken = self.is_broken or len(found) < len(lines) or len(self._rest) > MOST_BYTES
        return found

    def _some(self) -> bytes:
        found = bytearray()
        try:
            while len(found) < MOST_BYTES and (part := os.read(self._file, READ_BYTES)):
                found += part
        except BlockingIOError:
            pass
        return bytes(found)


def parsed(line: bytes) -> Message | None:
    """The message of a line; None if it is none of ours."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None
