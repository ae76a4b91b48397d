"""The answer to why a batch stands, and what a time is called in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

type Evidence = Mapping[str, str]
"""The facts that a sentence rests on: what, and its value for people."""


@dataclass(frozen=True)
class Explanation:
    """Why a batch stands, or that it does not.

    `cause` is a stable name for scripts, such as `no-consumer`; docs/design.md lists them. `unknown` is one of them.
    `command` is what to run next, without `rollcall` and the options of the target; None if there is nothing to do but
    wait.
    """

    cause: str
    sentence: str
    evidence: Evidence
    command: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The explanation as `--json` prints it."""
        return {"cause": self.cause, "sentence": self.sentence, "evidence": dict(self.evidence), "next": self.command}
