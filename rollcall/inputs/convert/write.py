"""Writes a table as JSON Lines, an item a row, each with its id."""

import gzip
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from bootstrap.problem import Problem
from handlers.core.files.look import is_gzipped
from handlers.core.json_text import dumps
from handlers.core.quoting import quoted
from rollcall.inputs.convert.table import Row, Table, named
from rollcall.inputs.convert.values import JsonValues, id_text

ID = "id"
TOLD_EVERY = 1000


@dataclass
class Written:
    """What was written. `without_id` counts the items whose id is empty, which a batch fails."""

    items: int = 0
    bytes: int = 0
    without_id: int = 0
    values: JsonValues = field(default_factory=JsonValues)


@dataclass(frozen=True)
class Ids:
    """Gives each row its id: the value of `column` as a text, or with None the number of the row."""

    column: str | None = ID

    def check(self, names: Collection[str], place: str) -> None:
        """Raise Problem if these names of columns, found at `place`, do not fit."""
        if self.column is not None and self.column not in names:
            raise Problem(
                f"{place}: there is no column {quoted(self.column)}, found {named(names)}",
                "name the column that tells the items apart, --id-column NAME, or number them, --line-ids",
            )
        if self.column != ID and ID in names:
            raise Problem(
                f"{place}: there is a column 'id' besides, which the id would replace",
                "rename it, or take it as the id",
            )

    def of(self, row: Row, number: int) -> str | None:
        """The id of a row; None if it is empty. Raises Problem for a value that cannot be an id."""
        if self.column is None:
            return str(number)
        return id_text(row[self.column], f"row {number:,}, column {quoted(self.column)}")


def write(table: Table, ids: Ids, out: IO[bytes], tell: Callable[[int], None]) -> Written:
    """Write a line for each row. `tell` is called now and then with the rows written. Raises Problem."""
    done = Written()
    for number, row in enumerate(table, 1):
        if table.columns is None:
            ids.check(row, f"item {number:,}")
        item_id = ids.of(row, number)
        done.without_id += item_id is None
        members = [f'"{ID}":{dumps(item_id)}']
        members += [f"{dumps(name)}:{done.values.text(value, name)}" for name, value in row.items() if name != ID]
        line = f"{{{','.join(members)}}}\n".encode()
        out.write(line)
        done.items += 1
        done.bytes += len(line)
        if not done.items % TOLD_EVERY:
            tell(done.items)
    return done


@contextmanager
def new_file(path: Path, overwrite: bool) -> Iterator[IO[bytes]]:
    """A file that appears under its name when it is whole. Raises Problem if it is there, or cannot be written.

    `-` is stdout. A device or a pipe is written as it is.
    """
    if str(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.is_dir():
        raise Problem(f"{path}: is a folder", "name a file in it")
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as special:
                yield special
            return
        if path.exists() and not overwrite:
            raise Problem(f"{path}: is there already", "name another file, or replace it with --force")
        with replaced(path.resolve(), is_gzipped(path.name)) as file:
            yield file
    except OSError as error:
        raise Problem(f"{path}: it cannot be written: {error.strerror}") from None


@contextmanager
def replaced(path: Path, gzipped: bool) -> Iterator[IO[bytes]]:
    """A regular file that takes its name, and the place of a file of that name, at the end; on an error it is gone."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with gzip.open(unfinished, "wb") if gzipped else unfinished.open("wb") as file:
            yield file  # type: ignore[misc] # both write bytes
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
