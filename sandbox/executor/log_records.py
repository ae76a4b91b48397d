"""Records of a function's log: read from the pipes to which its process writes, or written by Lambda around them."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import NamedTuple

FRAME_HEADER = 16  # frame type, message length, microseconds since the epoch: 4, 4 and 8 bytes, big-endian
READ_SIZE = 65536


class LogRecord(NamedTuple):
    """One log event: `timestamp` in milliseconds since the epoch, `message` with its final newline."""

    timestamp: int
    message: str


def record(message: str) -> LogRecord:
    """A line of Lambda, written now."""
    return LogRecord(_now(), message + "\n")


def init_report(init_ms: float, status: str) -> LogRecord:
    """Lambda writes it only if an environment's init fails."""
    return record(f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: init\t{status}")


class LogPipes:
    """Two pipes: one for plain output, where each line is a record, and one for awslambdaric's frames, one record each.

    A frame keeps a message of several lines, such as a traceback, in one record, as on AWS.
    """

    def __init__(self, emit: Callable[[LogRecord], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._emit = emit
        self._last, self._line, self._frame = 0, b"", b""
        self._output, self.output_end = os.pipe()
        self._frames, self.frames_end = os.pipe()
        self._sources = {self._output: self._on_output, self._frames: self._on_frames}
        for source in self._sources:
            os.set_blocking(source, False)
            self._loop.add_reader(source, self._read, source)

    def close_ends(self) -> None:
        """Close the function's ends in this process, once the function's process has inherited them."""
        os.close(self.output_end)
        os.close(self.frames_end)

    def drain(self) -> None:
        """Emit all that was written so far, with an unfinished line."""
        for source in list(self._sources):
            self._read(source)
        if self._line:
            self._add(_now(), self._line)
            self._line = b""

    def close(self) -> None:
        """Drain the pipes and stop reading."""
        self.drain()
        for source in list(self._sources):  # a process may still hold the other end
            self._close(source)

    def _read(self, source: int) -> None:
        try:
            while data := os.read(source, READ_SIZE):
                self._sources[source](data)
        except BlockingIOError:
            return
        self._close(source)  # end of file: no process holds the other end

    def _close(self, source: int) -> None:
        del self._sources[source]
        self._loop.remove_reader(source)
        os.close(source)

    def _on_output(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        now = _now()
        for line in lines:
            self._add(now, line)

    def _on_frames(self, data: bytes) -> None:
        buffer = self._frame + data
        while len(buffer) >= FRAME_HEADER:
            end = FRAME_HEADER + int.from_bytes(buffer[4:8])
            if len(buffer) < end:
                break
            self._add(int.from_bytes(buffer[8:FRAME_HEADER]) // 1000, buffer[FRAME_HEADER:end].removesuffix(b"\n"))
            buffer = buffer[end:]
        self._frame = buffer

    def _add(self, timestamp: int, message: bytes) -> None:
        # Never earlier than the last record: CloudWatch Logs sorts by time and must not reorder them.
        self._last = max(timestamp, self._last)
        self._emit(LogRecord(self._last, message.decode(errors="replace") + "\n"))


def _now() -> int:
    return time.time_ns() // 1_000_000
