"""Failed items as the lines of a new input: CSV with its header, or JSON Lines, in the format of the batch's own."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from bootstrap.problem import Problem
from handlers.core.files.look import is_csv
from handlers.core.json_text import Item, dumps
from handlers.core.quoting import quoted
from handlers.core.rejected import ERROR_KEY
from rollcall.batches.batch import OneBatch


def ending_of(batch: OneBatch) -> str:
    """`.csv` or `.jsonl`: the ending of a file with the batch's items. Random items, and those of several files, are
    JSON Lines.
    """
    source = batch.input_object()
    return ".csv" if source and not source.listed and is_csv(source.key, source.reading) else ".jsonl"


class FailedRows:
    """The lines of a file with the items of `failures`, each with its line end.

    Rejections are no items, and so left out. `written` and `left_out` count, as far as the lines were read. Raises
    Problem for an item that does not fit under the header of the CSV.
    """

    def __init__(self, failures: Iterable[dict[str, Any]], as_csv: bool):
        self.written = 0
        self.left_out = 0
        self._failures = failures
        self._as_csv = as_csv

    def __iter__(self) -> Iterator[str]:
        return self._csv() if self._as_csv else (dumps(item) + "\n" for item in self._items())

    def _items(self) -> Iterator[Item]:
        for failure in self._failures:
            if ERROR_KEY in failure["item"]:
                self.left_out += 1
            else:
                self.written += 1
                yield failure["item"]

    def _csv(self) -> Iterator[str]:
        header: list[str] = []
        for item in self._items():
            if not header:
                header = list(item)
                yield csv_line(header)
            if list(item) != header or not all(isinstance(value, str) for value in item.values()):
                raise Problem(
                    f"item {quoted(item['id'], 40)} is no row under the header {', '.join(header)[:80]}: the stack's "
                    "source.py makes other items of a row",
                    "see them with `rollcall failures BATCH --json`",
                )
            yield csv_line(list(item.values()))


def csv_line(fields: list[str]) -> str:
    """The fields as a line of CSV, which the batcher reads as these fields."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(fields)
    return line.getvalue()
