"""What a file that is converted holds: rows of named values, one at a time."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.problem import Problem
from handlers.core.quoting import quoted

NAMED_COLUMNS = 8

type Row = Mapping[str, Any]


@dataclass
class Table:
    """The rows of a file, of the `kind` that is told.

    `columns` are the names, with their types if the file has types; None if each row has names of its own.
    `total` is the number of rows, if it is known before they are read.
    """

    kind: str
    rows: Iterable[Row]
    columns: dict[str, str] | None = None
    total: int | None = None

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)


def refuse_repeated(names: Iterable[str], place: str) -> None:
    """Raise Problem if two columns have the same name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise Problem(
            f"{place}: two columns are named {quoted(twice[0])}, expected each name once",
            "rename or remove one of them",
        )


def named(names: Iterable[str]) -> str:
    """The first of some names, in quotation marks."""
    names = list(names)
    return ", ".join(quoted(name, 30) for name in names[:NAMED_COLUMNS]) + (", …" if len(names) > NAMED_COLUMNS else "")
