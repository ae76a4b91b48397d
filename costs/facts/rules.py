"""AWS's figures, and assumptions, by which a bill's lines are derived that the sandbox cannot count."""

import functools
import tomllib
from pathlib import Path

FILE = Path(__file__).with_name("rules.toml")


@functools.cache
def _values() -> dict[str, float]:
    return {entry["id"]: entry["value"] for entry in tomllib.loads(FILE.read_text())["rules"]}


def rule(rule_id: str) -> float:
    """The value of a rule; its unit is in its id or told by its source."""
    return _values()[rule_id]
