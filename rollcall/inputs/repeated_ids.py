"""Finds ids that repeat among any number of items: exactly, and in memory that does not grow."""

import sqlite3
from dataclasses import dataclass
from typing import Self

from bootstrap.problem import Problem

# Ids that are written at a time.
WRITTEN_TOGETHER = 10_000
# KiB of memory with which SQLite sorts; the rest is in its temporary file.
CACHE_KIB = 32 * 1024


@dataclass(frozen=True)
class RepeatedId:
    """An id, how many items have it, and the places of the first and the last of them."""

    item_id: str
    items: int
    first: int
    last: int


@dataclass(frozen=True)
class RepeatedIds:
    """How many ids repeat, how many items have an id that an earlier item has, and the first of these ids."""

    ids: int = 0
    items: int = 0
    examples: tuple[RepeatedId, ...] = ()


class Ids:
    """The ids seen so far, in a temporary file that is gone when this is closed.

    The file takes about 20 bytes and the id for each item, and about as much again while `repeated` sorts it.
    """

    def __init__(self) -> None:
        # An empty name is a database in a temporary file: https://www.sqlite.org/inmemorydb.html#temp_db
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE ids (id BLOB, place INTEGER)")
        self._unwritten: list[tuple[bytes, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add(self, item_id: str, place: int) -> None:
        """Remember the id of the item at this place. Raises Problem if the disk is full."""
        # Half a character is no text for SQLite.
        self._unwritten.append((item_id.encode("utf-8", "surrogatepass"), place))
        if len(self._unwritten) == WRITTEN_TOGETHER:
            self._write()

    def repeated(self, most: int) -> RepeatedIds:
        """The ids that repeat, with the first `most` of them. Raises Problem if the disk is full."""
        self._write()
        try:
            self._database.execute(
                "CREATE TABLE repeated AS SELECT id, count(*) AS items, min(place) AS first, max(place) AS last "
                "FROM ids GROUP BY id HAVING items > 1"
            )
            ids, items = self._database.execute("SELECT count(*), coalesce(sum(items - 1), 0) FROM repeated").fetchone()
            rows = self._database.execute("SELECT * FROM repeated ORDER BY first LIMIT ?", (most,)).fetchall()
        except sqlite3.OperationalError as error:
            raise full(error) from None
        examples = (RepeatedId(item_id.decode("utf-8", "surrogatepass"), *numbers) for item_id, *numbers in rows)
        return RepeatedIds(ids, items, tuple(examples))

    def _write(self) -> None:
        try:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT INTO ids VALUES (?, ?)", self._unwritten)
            self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise full(error) from None
        self._unwritten.clear()


def full(error: sqlite3.OperationalError) -> Problem:
    """What to say where the temporary file cannot be written."""
    return Problem(
        f"the ids cannot be compared: their temporary file cannot be written ({error})",
        "make room there, or name another folder: TMPDIR=/a/folder",
    )
