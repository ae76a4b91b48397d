"""One Lambda environment: a process with AWS's runtime client, its Runtime API, its log and its limits."""

import asyncio
import math
import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from sandbox.clock.clock import iso
from sandbox.clock.wall import running_time
from sandbox.executor import failures
from sandbox.executor.children import CHILDREN, End
from sandbox.executor.environment import CodePackage
from sandbox.executor.failures import MAX_RESPONSE_BYTES, Failure
from sandbox.executor.log_records import LogPipes, LogRecord, init_report, record
from sandbox.executor.memory import FamilyMemory
from sandbox.executor.runtime_api import Answer, Delivery, RuntimeApi, settle
from sandbox.faults.invocations import exposed
from sandbox.meter.functions import FunctionMeter
from sandbox.meter.rules import MEGABYTE, end_line, report_line, start_line
from sandbox.processes import LOOP

INIT_SECONDS = 10  # AWS's limit of an on-demand init
MEMORY_CHECK_SECONDS = 0.05
MIN_WAIT_SECONDS = 0.01  # where a debugger holds the clock just before a timeout
LOG_TAIL = 4096  # bytes kept for LogResult
# Address space above the memory size: much is reserved and never used, such as a stack of 8 MB for each thread. This
# limit stops one huge allocation only, which would do its harm between two checks of the memory in use.
RESERVED_BYTES = 1024 * MEGABYTE


@dataclass(frozen=True)
class Request:
    """One invocation; `headers` are those of the Runtime API without request id and deadline."""

    request_id: str
    payload: bytes
    headers: dict[str, str]
    version: str


class FunctionProcess:
    """Serves one invocation at a time. All methods run in LOOP's thread.

    Once `alive` is False, the process has ended or is about to, and no invocation may be sent here again. `write_log`
    gets each record of the log as it is written. `on_end` is called when the process has ended. The process has its own
    folder for temporary files (TMPDIR), with a path short enough for UNIX sockets, whose paths have at most 107
    characters; /tmp is the machine's.
    """

    def __init__(
        self,
        id: str,
        function: str,
        *,
        memory_mb: int,
        timeout_seconds: int,
        write_log: Callable[[LogRecord], None],
        meter: FunctionMeter,
        on_end: Callable[[], None],
    ) -> None:
        self.alive, self.function, self.meter = True, function, meter
        self._id, self._memory_mb, self._timeout_seconds = id, memory_mb, timeout_seconds
        self._write_log, self._on_end = write_log, on_end
        self._log_tail = ""
        self._cold, self._invoking, self._exceeded = True, False, False
        self._memory_check: asyncio.TimerHandle | None = None

    async def start(self, package: CodePackage, environment: Callable[[str, Path], dict[str, str]]) -> None:
        """Start the process without waiting for its init; the first invocation waits for that.

        `environment` makes the environment variables from the Runtime API's address and the temporary folder.
        """
        self._temporary = Path(mkdtemp(prefix="lambda-"))
        self._pipes = LogPipes(lambda output: self._log(output, "function"))
        self._api = RuntimeApi()
        address = await self._api.open()
        self._started = time.perf_counter()
        self._child = await CHILDREN.start(
            self._id,
            package,
            environment(address, self._temporary),
            [self._pipes.output_end, self._pipes.frames_end],
            self._memory_mb * MEGABYTE + RESERVED_BYTES,
        )
        self._memory = FamilyMemory(self._child.pid.result(), self._memory_mb * MEGABYTE)
        self._pipes.close_ends()
        self._child.ended.add_done_callback(self._clean_up)

    async def invoke(self, request: Request) -> tuple[bytes, bool, str]:
        """Run one invocation to its end. It may end the process: check `alive` afterwards.

        Returns the payload for the caller, whether it is an error, and the end of the log.
        """
        self._invoking = True
        if self._memory_check is None:
            self._check_memory_soon()
        try:
            payload, failure = await self._run(request)
        finally:
            self._invoking = False
            if not self.alive:
                CHILDREN.kill(self._child)
        log_tail, self._log_tail = self._log_tail, ""
        return failure.payload if failure else payload, failure is not None, log_tail

    async def stop(self) -> None:
        """End the environment: now if it is idle, otherwise after the invocation that it serves."""
        self.alive = False
        if not self._invoking:
            CHILDREN.kill(self._child)

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._child.ended.done()

    async def kill(self) -> None:
        """Kill the process, and return when it has ended."""
        CHILDREN.kill(self._child)
        await self._child.ended

    def signal(self, number: int) -> None:
        """Send a signal to the process and to all that it has started; no effect once it has ended."""
        CHILDREN.signal(self._child, number)

    async def _run(self, request: Request) -> tuple[bytes, Failure | None]:
        payload, failure, init_ms = b"", None, None
        self.meter.begin(request.payload)
        if self._cold:
            self._cold = False
            failure = await self._initialize(request)
            init_ms = (time.perf_counter() - self._started) * 1000
            self._pipes.drain()
            if failure:
                self._log(init_report(init_ms, failure.report_status))
        self._log(record(start_line(request.request_id, request.version)))
        started = time.perf_counter()
        if failure is None:
            payload, failure = await self._deliver(request)
        duration_ms = (time.perf_counter() - started) * 1000
        self._pipes.drain()
        if failure and failure.log_line:
            self._log(record(failure.log_line))
        self._log(record(end_line(request.request_id)))
        status = failure.report_status if failure else ""
        used_mb = math.ceil(self._memory.peak / MEGABYTE)
        self._log(record(report_line(request.request_id, duration_ms, init_ms, self._memory_mb, used_mb, status)))
        self.meter.end(duration_ms, init_ms, payload)
        return payload, failure

    async def _initialize(self, request: Request) -> Failure | None:
        answer = await self._within(max(INIT_SECONDS, self._timeout_seconds), self._api.initialized)
        if answer is None:
            return await self._abort(request)
        is_error, error = answer
        if not is_error:
            return None
        self.alive = False
        self._memory.exceeds_limit()
        return failures.reported(error)

    async def _deliver(self, request: Request) -> tuple[bytes, Failure | None]:
        # In running time, which launcher.py reads too: a jump of the clock moves it along.
        deadline = running_time() + self._timeout_seconds
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            **request.headers,
        }
        delivery = Delivery(request.request_id, headers, request.payload)
        self._api.deliver(delivery)
        with exposed(self):
            answer = await self._within(self._timeout_seconds, delivery.answer)
        if answer is None:
            return b"", await self._abort(request)
        if time.monotonic() - self._memory.measured_at > MEMORY_CHECK_SECONDS:
            self._memory.exceeds_limit()
        if self._memory.main_process_exceeded_limit():  # for a moment between two checks
            self._exceeded = True
            return b"", await self._abort(request)
        is_error, payload = answer
        if len(payload) > MAX_RESPONSE_BYTES:
            return b"", failures.response_too_large()
        return payload, failures.reported(payload) if is_error else None

    async def _within(self, seconds: float, answer: asyncio.Future[Answer]) -> Answer:
        """Wait for `answer`; None if the process ends first, or after so many seconds of running time."""
        self._expire_at(running_time() + seconds, answer)
        try:
            return await answer
        finally:
            self._expiry.cancel()

    def _expire_at(self, end: float, answer: asyncio.Future[Answer]) -> None:
        if (left := end - running_time()) > 0:  # again, where a debugger has held the clock
            self._expiry = LOOP.call_later(max(left, MIN_WAIT_SECONDS), self._expire_at, end, answer)
        else:
            settle(answer, None)

    async def _abort(self, request: Request) -> Failure:
        """End a process that did not answer, and return the reason."""
        timed_out = not self._child.ended.done() and not self._exceeded
        self.alive = False
        CHILDREN.kill(self._child)
        end = await self._child.ended
        if timed_out:
            return failures.timed_out(request.request_id, self._timeout_seconds, iso(time.time()))
        return failures.exited(request.request_id, end.code)

    def _check_memory_soon(self) -> None:
        self._memory_check = LOOP.call_later(MEMORY_CHECK_SECONDS, self._check_memory)

    def _check_memory(self) -> None:
        """Where all processes hold more than the memory size, kill one, as a kernel does.

        That may be one which the function has started: then the function itself lives on.
        """
        self._memory_check = None
        if not self._invoking:
            return
        if self._memory.exceeds_limit():
            victim = self._memory.first_to_go()
            if victim == self._child.pid.result():
                self._exceeded, self.alive = True, False
                CHILDREN.kill(self._child)
                return
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        self._check_memory_soon()

    def _log(self, event: LogRecord, origin: str = "platform") -> None:
        """Log a record of Lambda (`platform`) or of the function (`function`)."""
        self.meter.log(event.message, origin)
        # The cut may go through a character, which is left out.
        self._log_tail = (self._log_tail + event.message).encode()[-LOG_TAIL:].decode(errors="ignore")
        self._write_log(event)

    def _clean_up(self, ended: asyncio.Future[End]) -> None:
        """Free the resources of the process, which has ended."""
        self.alive = False
        self._memory.peak = max(self._memory.peak, ended.result().peak_bytes)
        self._api.close()
        self._pipes.close()
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._on_end()
