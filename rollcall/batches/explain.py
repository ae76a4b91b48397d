"""Why a batch stands: one sentence, by rules over facts that were read. It says no more than the facts tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollcall.batches.batch import OneBatch
from rollcall.target.connection import Connection


@dataclass(frozen=True)
class Explanation:
    """Why a batch stands, or that it does not.

    `cause` is a stable name for scripts, such as `no-consumer`; `unknown` where the facts do not tell. `evidence` are
    the facts that the sentence rests on, as (what, value). `command` is what to run next, without `rollcall` and the
    options of the target; None if there is nothing to do but wait.
    """

    cause: str
    sentence: str
    evidence: tuple[tuple[str, str], ...] = ()
    command: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The explanation as `--json` prints it."""
        evidence: Mapping[str, str] = dict(self.evidence)
        return {"cause": self.cause, "sentence": self.sentence, "evidence": evidence, "next": self.command}


def explain(connection: Connection, batch: OneBatch) -> Explanation:
    """Why the batch stands. Reads only: its records, and its stack's queues, event sources, functions and logs."""
    seen = batch.observe()
    return Explanation("unknown", f"batch {batch.title} stands for a reason that is not known: {seen}")
