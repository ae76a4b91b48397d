"""What both architectures' explanations share: the order of causes, the sentence, and the command to run next."""

from collections.abc import Sequence

from handlers.sqs.standstill import Clause, sentence_of
from rollcall.batches.explain.explanation import Evidence, Explanation
from rollcall.batches.explain.stack import StackFacts

# The first of these that holds is the cause, and begins the sentence. Of a row, the one with the most chunks is.
ORDER = (
    ("ended", "announcing"),
    ("work-cannot-start",),
    ("no-consumer",),
    ("concurrency-limit",),
    ("batcher-fails", "processor-fails", "finalizer-fails"),
    ("no-message",),
    ("no-batcher",),
    ("items-fail", "processor-died", "leases", "children", "not-taken", "in-flight"),
    ("not-sealed",),
    ("ending", "finishing"),
    ("unknown",),
)
PLACES = {cause: place for place, causes in enumerate(ORDER) for cause in causes}
# What to run next, by cause; {id} is the batch's, {architecture} its architecture.
COMMANDS = {
    "ended": "status {id}",
    "work-cannot-start": "logs {architecture}.processor --errors --since 1h",
    "batcher-fails": "logs {architecture}.batcher --errors --since 1h",
    "processor-fails": "logs {architecture}.processor --errors --since 1h",
    "finalizer-fails": "logs {architecture}.finalizer --errors --since 1h",
    "items-fail": "logs {architecture}.processor --errors --since 1h",
    "processor-died": "logs {architecture}.processor --errors --since 1h",
    "no-batcher": "logs {architecture}.batcher --since 1h",
    "no-message": "cancel {id}",
    "unknown": "logs {architecture} --since 1h",
    "no-consumer": "status",
}


def answer(architecture: str, batch_id: str, clauses: Sequence[Clause], evidence: Evidence) -> Explanation:
    """The explanation that these clauses make, the most telling first."""
    ordered = sorted(clauses, key=lambda clause: (PLACES[clause.cause], -clause.chunks))
    ordered = ordered or [Clause("unknown", NOT_KNOWN)]
    sentence = sentence_of(ordered)
    command = COMMANDS.get(ordered[0].cause, "watch {id}").format(id=batch_id, architecture=architecture)
    return Explanation(ordered[0].cause, f"{sentence[0].upper()}{sentence[1:]}.", evidence, command)


NOT_KNOWN = "why it stands is not known: nothing that was looked at holds it up"


def no_consumer(stack: StackFacts, queue: str) -> str | None:
    """The clause for a queue from which no function takes."""
    trouble = stack.no_consumer(queue)
    return f"no consumer takes from the {queue} queue: {trouble}" if trouble else None


def first_known(*texts: str | None) -> str | None:
    """The first text that there is."""
    return next(filter(None, texts), None)
