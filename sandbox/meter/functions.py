"""Meters the invocations of a Lambda environment.

AWS bills a request for each, and its duration, since 2025-08-01 with that of an init, rounded up to 1 ms, times the
memory size.
"""

import math
import re
from dataclasses import dataclass

from sandbox.meter.account import Account
from sandbox.meter.batch_ids import batch_ids
from sandbox.meter.cloudwatch import METRICS
from sandbox.meter.ledger import Unit
from sandbox.meter.rules import lambda_gb_seconds
from sandbox.meter.stacks import STACKS

_WORK = re.compile(r'"workMs":\s*(\d+)')


@dataclass(frozen=True)
class Invocation:
    """The duration of an invocation in milliseconds; `init_ms` is None in a warm environment."""

    duration_ms: float
    init_ms: float | None
    work_ms: int = 0

    @property
    def billed_ms(self) -> int:
        return math.ceil(self.duration_ms + (self.init_ms or 0))


def invocation_units(invocation: Invocation, memory_mb: int, architecture: str) -> list[Unit]:
    """GB-seconds are billed seconds times memory in GB; those of the init and of your code are counted apart too."""
    billed = invocation.billed_ms
    units = [
        Unit("lambda.requests", "invoke", 1),
        Unit("lambda.billed_ms", str(memory_mb), billed),
        Unit(f"lambda.gb_seconds.{architecture}", "invoke", lambda_gb_seconds(billed, memory_mb)),
    ]
    if invocation.init_ms is not None:
        init = min(invocation.init_ms, billed)
        units.append(Unit("lambda.cold_starts", "invoke", 1))
        units.append(Unit("lambda.init_gb_seconds", "invoke", lambda_gb_seconds(init, memory_mb)))
    if invocation.work_ms:
        work = min(invocation.work_ms, billed)
        units.append(Unit("lambda.work_gb_seconds", "invoke", lambda_gb_seconds(work, memory_mb)))
    return units


def log_units(message: str, origin: str) -> list[Unit]:
    """The bytes of one log event; `origin` is `platform` or `function`.

    CloudWatch Logs bills ingestion by the bytes of the messages (its metric IncomingBytes). The 26 bytes of each event
    count for the size limit of PutLogEvents and for storage, and are not included here.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
    """
    return [Unit("logs.bytes", origin, len(message) if message.isascii() else len(message.encode()))]


class FunctionMeter:
    """The account of an environment's current invocation, or of its last one."""

    def __init__(self, function: str, memory_mb: int, architecture: str) -> None:
        self._function, self._memory_mb, self._architecture = function, memory_mb, architecture
        self._work_ms = 0
        self._fresh = True
        self._open()

    def begin(self, payload: bytes) -> None:
        """Begin an invocation. The account of the first one gets the environment's init too."""
        if not self._fresh:
            self._open()
        self._fresh = False
        self._work_ms = 0
        self.account.name(batch_ids(payload))

    def log(self, message: str, origin: str) -> None:
        """Count a log event of the function, or of Lambda for it."""
        self.account.add("function", log_units(message, origin))
        if origin == "function":
            if work := _WORK.search(message):
                self._work_ms += int(work[1])
            METRICS.log(message, self._stack)

    def end(self, duration_ms: float, init_ms: float | None, answer: bytes) -> None:
        """End the invocation. Its answer may name the batch, if neither its payload nor a call of it did."""
        units = invocation_units(Invocation(duration_ms, init_ms, self._work_ms), self._memory_mb, self._architecture)
        self.account.add("function", units)
        self.account.name(batch_ids(answer, first_only=True))
        self.account.close()

    def _open(self) -> None:
        place = STACKS.place("function", self._function)
        self._stack = place.stack
        self.account = Account(place.stack, place.name)
