"""A billed quantity, and the catalogue of the words for it, which plans and bills share."""

from dataclasses import dataclass
from pathlib import Path

from costs.facts.figures import read_facts

BATCHER, PROCESSOR, FINALIZER = "BatcherFunction", "ProcessorFunction", "FinalizerFunction"
RECORDER = "FailureRecorderFunction"
"""The functions' logical ids."""
INIT, IDLE = "init", "idle"
"""Parts that tell quantities of one price, function and operation apart."""
GB_SECONDS = "lambda.gb_seconds."
"""Begins the ids of the prices of Lambda's time; the functions' processor architecture follows."""

WORDS: dict[str, dict[str, str]] = read_facts(Path(__file__).parent / "facts" / "words.toml")
"""The catalogue: words by price and row."""
NOTES = WORDS["notes"]
"""How quantities were derived that the sandbox cannot count."""


@dataclass(frozen=True)
class Usage:
    """A quantity of the price book's `price`.

    `quantity` is in that price's unit (requests, write units, GB-seconds, bytes, ...), never rounded to its pack. `own`
    marks your code: Lambda time spent in `process`; the rest is orchestration. `function` and `operation` are the
    meter's. `part` tells two usages of the same function and operation apart. `low` and `high` bound a quantity that
    timing decides; they equal it if the workload alone decides it. `what` describes its purpose: the catalogue's words,
    unless others are given. `note` says how a quantity was derived if it was not counted.
    """

    price: str
    quantity: float
    function: str | None = None
    operation: str | None = None
    part: str = ""
    own: bool = False
    what: str = ""
    low: float | None = None
    high: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if not self.what:
            words = self._words.get(self.key) or self.key.replace(":", ", ").replace("-", " ")
            object.__setattr__(self, "what", words)

    @property
    def key(self) -> str:
        """The usage's row of the catalogue, or its operation; a bill shows usages of the same row as one line."""
        operation = self.operation or ""
        keys = ("own",) if self.own else (self.part, f"{self.function or '-'} {operation}")
        return next((key for key in keys if key in self._words), operation)

    @property
    def _words(self) -> dict[str, str]:
        return WORDS.get(GB_SECONDS[:-1] if self.price.startswith(GB_SECONDS) else self.price, {})
