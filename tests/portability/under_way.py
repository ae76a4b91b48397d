"""Batches that take long: they are started before the first test, and judged after the others."""

from dataclasses import dataclass
from typing import Any

from tests.e2e.inputs import items, json_lines
from tests.portability.stacks import PATIENCE, PortableStacks
from tests.probes import eventually

# The place of the item that kills its processor once.
KILLS = 13


@dataclass(frozen=True)
class Started:
    """A batch of real items, whose ids begin with `prefix`."""

    batch_id: str
    prefix: str
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class UnderWay:
    """Batches by architecture: with a processor that is killed and whose chunk comes again, and cancelled ones."""

    killed: dict[str, Started]
    cancelled: dict[str, Started]


def start(stacks: PortableStacks) -> UnderWay:
    """Start the batches, and cancel those that are to be as soon as something of them is processed."""

    def started(architecture: str, prefix: str, rows: list[dict[str, Any]], chunk: int) -> Started:
        place = stacks.upload("items.jsonl", json_lines(rows))
        batch_id = stacks.start(architecture, input=place, itemsPerChunk=chunk, itemConcurrency=1)
        return Started(batch_id, prefix, rows)

    killed, cancelled = {}, {}
    for architecture in stacks.batches:
        cancelled[architecture] = batch = started(architecture, *items(60, value=100), 5)

        def begun() -> None:
            assert stacks.witnessed(architecture, batch.prefix)  # noqa: B023  # it is called at once

        eventually(begun, PATIENCE)
        assert stacks.batches[architecture].cancel(batch.batch_id)
        prefix, rows = items(20)
        rows[KILLS]["do"] = "die-once"
        killed[architecture] = started(architecture, prefix, rows, 10)
    return UnderWay(killed, cancelled)
