"""What a batch's Lambda invocations came to, from the REPORT lines that Lambda writes about each of them."""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rollcall.logs import read

REPORT = re.compile(r"REPORT RequestId: .*Billed Duration: (\d+) ms\s+Memory Size: (\d+) MB(?P<rest>.*)", re.DOTALL)
SETTLE_SECONDS = 5.0
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Invocations:
    """How many there were, how many began in a new environment, and their billed time times memory."""

    count: int
    cold_starts: int
    gb_seconds: float


def measured(logs: Any, functions: Mapping[str, str], from_ms: int) -> Invocations:
    """The functions' invocations since then, once each that has started has reported, at most 5 s from now."""
    give_up = time.monotonic() + SETTLE_SECONDS
    while True:
        lines = [
            event["message"] for name in functions.values() for event in read(logs, f"/aws/lambda/{name}", from_ms)
        ]
        found = total(lines)
        started = sum(line.startswith("START RequestId:") for line in lines)
        if found.count >= started or time.monotonic() > give_up:
            return found
        time.sleep(POLL_SECONDS)


def total(lines: Iterable[str]) -> Invocations:
    """Add up the REPORT lines among `lines`."""
    reports = [match for match in map(REPORT.match, lines) if match]
    return Invocations(
        count=len(reports),
        cold_starts=sum("Init Duration" in match["rest"] for match in reports),
        gb_seconds=sum(int(match[1]) / 1000 * int(match[2]) / 1024 for match in reports),
    )
