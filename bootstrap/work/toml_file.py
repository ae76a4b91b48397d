"""A TOML file whose mistakes are told with their line, which tomllib does not know."""

import tomllib
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any

from bootstrap.work.problem import BadWork, one_of

type Keys = tuple[str | int, ...]


class TomlFile:
    """The tables of a file. `shown` is its name in messages. Raises BadWork if it is no TOML."""

    def __init__(self, path: Path) -> None:
        self.shown = str(path)
        try:
            self._text = path.read_text(encoding="utf-8-sig")
            self.tables: dict[str, Any] = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            raise BadWork(f"{self.shown} is no TOML: {error}") from error
        except UnicodeDecodeError as error:
            raise BadWork(f"{self.shown} is not UTF-8: {error.reason} at byte {error.start}") from error
        except OSError as error:
            raise BadWork(f"{self.shown} cannot be read: {error.strerror}") from error

    def refused(self, keys: Keys, says: str) -> BadWork:
        """The error for the value at `keys`, such as `("permissions", 0, "actions")`."""
        name = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")
        return BadWork(f"{self.shown}, line {self.line_of(keys)}: {name}: {says}")

    def table(self, keys: Keys, known: Collection[str] = ()) -> dict[str, Any]:
        """The table at `keys`, empty if there is none. Raises BadWork if it has a key beside those of `known`."""
        found: Any = self.tables
        for key in keys:
            found = found.get(key, {}) if isinstance(found, dict) else found[key]
        if not isinstance(found, dict):
            raise self.refused(keys, f"{found!r:.100} must be a table")
        for name in found:
            if known and name not in known:
                raise self.refused((*keys, name), f"there is no such key: {one_of(name, known)}")
        return found

    def texts(self, keys: Keys) -> list[str]:
        """The list of texts at `keys`, empty if there is none. Raises BadWork."""
        found = self.table(keys[:-1]).get(str(keys[-1]), [])
        if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
            raise self.refused(keys, f'{found!r:.100} must be a list of texts, such as ["one", "another"]')
        return found

    def line_of(self, keys: Keys) -> int:
        """The line on which the value at `keys` begins.

        It is the one after the longest beginning of the file that is TOML and lacks the value.
        """
        without = 0
        for number, tables in self._beginnings:
            if has(tables, keys):
                break
            without = number
        return without + 1

    @cached_property
    def _beginnings(self) -> list[tuple[int, dict[str, Any]]]:
        """The beginnings of the file that end with a line and are TOML: the number of lines, and the tables."""
        lines, found = self._text.splitlines(), []
        for number in range(1, len(lines) + 1):
            try:
                found.append((number, tomllib.loads("\n".join(lines[:number]))))
            except tomllib.TOMLDecodeError:
                # A value of several lines goes on.
                continue
        return found


def has(tables: Any, keys: Keys) -> bool:
    """Whether there is a value at `keys`."""
    for key in keys:
        try:
            tables = tables[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
