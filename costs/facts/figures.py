"""Figures that a data file states with their source: AWS's quotas, and what is assumed where AWS states none."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from bootstrap.problem import Problem


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure. `source` is the page that states it, or what an assumption rests on; `date` is the page's."""

    name: str
    value: float
    unit: str
    title: str
    source: str
    date: str
    confidence: str
    lift: str = ""


@dataclass(frozen=True)
class Figures:
    """Figures by name; two with the same values are equal, so that results can be kept by them."""

    figures: tuple[Figure, ...]

    @classmethod
    def read(cls, path: Path, table: str) -> Self:
        """Those of a file's array of tables."""
        return cls(tuple(Figure(**entry) for entry in tomllib.loads(path.read_text())[table]))

    def __getitem__(self, name: str) -> float:
        return self.figure(name).value

    def __contains__(self, name: object) -> bool:
        return name in self._named

    def figure(self, name: str) -> Figure:
        """The whole entry. Raises KeyError."""
        return self._named[name]

    def with_(self, values: Mapping[str, float]) -> Self:
        """The same with some values replaced. Raises Problem for a name that there is none of, and lists the names."""
        for name, value in values.items():
            if name not in self:
                raise Problem(f"{name}: there is no such figure", f"known are {', '.join(sorted(self._named))}")
            if not (math.isfinite(value) and value > 0):
                raise Problem(f"{name}={value:g}: must be finite and more than 0")
        return type(self)(tuple(replace(each, value=float(values.get(each.name, each.value))) for each in self.figures))

    @cached_property
    def _named(self) -> dict[str, Figure]:
        return {figure.name: figure for figure in self.figures}
