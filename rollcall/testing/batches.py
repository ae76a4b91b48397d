"""Runs whole batches of the work in the sandbox, for its tests."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from handlers.core.error_kinds import line_of
from handlers.core.items import usable_id
from rollcall.api.batch import Batch, SettingsOfItems
from rollcall.api.sandbox import Sandbox
from rollcall.batches.batch import Result
from rollcall.batches.failure_summary import failure_summary
from rollcall.terminal.errors import EXPECTED
from rollcall.testing.stacks import failed
from rollcall.views.summary import outcome

# Of a batch whose test fails, so many failed items are shown.
SHOWN_FAILURES = 5


class Run(NamedTuple):
    """A batch that has ended.

    `result` has its `status`, its numbers of `items`, `succeeded`, `failed`, and its `batch_id`. `processed` is what
    `process` returned, by the item's id: None if it returned nothing, for items that the test gave; else such items
    are left out. `failures` has the error of each failed item by its id, such as `ValueError: the guest has no name`.
    """

    result: Result
    processed: dict[str, Any]
    failures: dict[str, str]


@dataclass(frozen=True, repr=False)
class BatchRunner:
    """Runs batches in the stack of one architecture. `ended` gets title and text for the report of each."""

    sandbox: Sandbox
    architecture: str
    folder: Path
    ended: list[tuple[str, str]]

    def __call__(
        self,
        items: Iterable[Mapping[str, Any]] | str | Path | int | None = None,
        *,
        timeout: float = 60,
        **settings: Unpack[SettingsOfItems],
    ) -> Run:
        """Run a batch of these items to its end. `items` may be a file, too; without it they are those of source.py.

        A number is asked of source.py, as by `rollcall run --items`. `settings` are those of a batch, such as
        `items_per_chunk=10`. A batch that has not ended after `timeout` seconds is cancelled, and the test fails.
        """
        given = items if isinstance(items, str | Path | int) or items is None else list(items)
        asked = {"items": given} if isinstance(given, int) else {"input": self._file(given)}
        try:
            batch = Batch.new(self.sandbox, self.architecture, **asked, **settings)
            try:
                result = batch.run(timeout)
            except BaseException:
                # Ctrl-C too: it would be in the way of the next test.
                with suppress(*EXPECTED):
                    batch.cancel()
                raise
        except EXPECTED as error:
            raise failed(error) from None
        failures = {str(entry["item"]["id"]): line_of(entry["error"]) for entry in batch.failed_items()}
        self.ended.append((f"batch {batch.batch_id} of {self.architecture}", "\n".join(told(batch, result))))
        processed = dict.fromkeys(ids(given)) if isinstance(given, list) and not result.remaining else {}
        processed |= {line["id"]: line["result"] for line in batch.results(only=True).lines()}
        return Run(result, {key: value for key, value in processed.items() if key not in failures}, failures)

    def _file(self, given: list[Mapping[str, Any]] | str | Path | None) -> str | Path | None:
        """A file with the items, which Rollcall reads as it reads any."""
        if not isinstance(given, list):
            return given
        path = self.folder / "items.jsonl"
        path.write_text("".join(f"{json.dumps(item)}\n" for item in given))
        return path


def ids(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The ids of the items that have one."""
    return (found for item in items if (found := usable_id(dict(item))))


def told(batch: Batch, result: Result) -> Iterator[str]:
    """What a report says of a batch: how it ended and why, and where in the work its items failed."""
    summary = failure_summary(batch, result)
    yield f"{result.status}: {outcome(result)}"
    if why := result.reason or summary.why:
        yield why
    yield from map(str, batch.errors)
    for entry in islice(batch.failed_items(), SHOWN_FAILURES):
        yield f"item {entry['item']['id']}, after {entry['attempts']} attempts: {entry['error']}"
    if (result.failed or 0) > SHOWN_FAILURES:
        yield from summary.lines(result.failed or 0)
