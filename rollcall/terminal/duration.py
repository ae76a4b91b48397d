"""Durations on the command line."""

import re

from bootstrap.problem import Problem

DURATION = re.compile(r"([1-9]\d{0,6})([smhd])")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_duration(option: str, text: str) -> int:
    """The seconds of `90s`, `15m`, `2h` or `1d`. Raises Problem, which names the option."""
    match = DURATION.fullmatch(text)
    if not match:
        raise Problem(f"{option} {text}: expected a number and a unit", "such as 90s, 15m, 2h or 1d")
    return int(match[1]) * UNITS[match[2]]
