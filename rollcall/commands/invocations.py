"""What a batch's Lambda invocations came to, from the REPORT lines that Lambda writes about each of them."""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rollcall.commands.logs import read

REPORT = re.compile(r"REPORT RequestId: .*Billed Duration: (\d+) ms\s+Memory Size: (\d+) MB(?P<rest>.*)", re.DOTALL)
SETTLED_SECONDS = 1.0
GIVE_UP_SECONDS = 10.0
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Invocations:
    """How many there were, how many began in a new environment, and their billed time times memory."""

    count: int
    cold_starts: int
    gb_seconds: float


def measured(logs: Any, functions: Mapping[str, str], from_ms: int) -> Invocations:
    """The functions' invocations since then, once no new one has been reported for a second, at most 10 s from now.

    The invocation that publishes Batch Finished is still running when the event arrives.
    """
    give_up = time.monotonic() + GIVE_UP_SECONDS
    found, settled_at = Invocations(0, 0, 0.0), time.monotonic() + SETTLED_SECONDS
    while time.monotonic() < min(settled_at, give_up):
        groups = (f"/aws/lambda/{name}" for name in functions.values())
        now = total(event["message"] for group in groups for event in read(logs, group, from_ms))
        if now != found:
            found, settled_at = now, time.monotonic() + SETTLED_SECONDS
        time.sleep(POLL_SECONDS)
    return found


def total(lines: Iterable[str]) -> Invocations:
    """Add up the REPORT lines among `lines`."""
    reports = [match for match in map(REPORT.match, lines) if match]
    return Invocations(
        count=len(reports),
        cold_starts=sum("Init Duration" in match["rest"] for match in reports),
        gb_seconds=sum(int(match[1]) / 1000 * int(match[2]) / 1024 for match in reports),
    )
