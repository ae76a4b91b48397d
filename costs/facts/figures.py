"""Facts of TOML files, with their sources: AWS's quotas and metering figures, and assumptions where AWS states none."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from bootstrap.problem import Problem


def read_facts(path: Path, hint: str = "") -> dict[str, Any]:
    """The content of a file of facts. Raises Problem if it cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Problem(f"{path} is not TOML: {error}", hint) from error


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure. `source` is the page that states it, or the basis of an assumption; `date` is the page's date."""

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
    """Figures by name. Two objects with the same values are equal, so results can be cached by them."""

    figures: tuple[Figure, ...]
    table: ClassVar[str]
    """The name of the file, without its suffix, and of its array of tables."""

    @classmethod
    @cache
    def load(cls) -> Self:
        """Load the figures of the file beside this module."""
        entries = read_facts(Path(__file__).with_name(f"{cls.table}.toml"))[cls.table]
        return cls(tuple(Figure(**entry) for entry in entries))

    def __getitem__(self, name: str) -> float:
        return self.figure(name).value

    def __contains__(self, name: object) -> bool:
        return name in self._named

    def figure(self, name: str) -> Figure:
        """The whole entry of a figure. Raises KeyError."""
        return self._named[name]

    def with_(self, values: Mapping[str, float]) -> Self:
        """A copy with some values replaced. Raises Problem for an unknown name, and lists the names."""
        for name, value in values.items():
            if name not in self:
                raise Problem(f"{name}: there is no such figure", f"known are {', '.join(sorted(self._named))}")
            if not (math.isfinite(value) and value > 0):
                raise Problem(f"{name}={value:g}: must be finite and more than 0")
        return type(self)(
            tuple(replace(figure, value=float(values.get(figure.name, figure.value))) for figure in self.figures)
        )

    @cached_property
    def _named(self) -> dict[str, Figure]:
        return {figure.name: figure for figure in self.figures}


class Quotas(Figures):
    """AWS's quotas and scaling rates, which decide a batch's duration. `with_` replaces the default values."""

    table = "quotas"


class Assumptions(Figures):
    """What plans and bills assume where AWS states no figure. None of it is fitted to the sandbox's meter."""

    table = "assumptions"


class Rules(Figures):
    """AWS's figures from which a bill derives the units that the sandbox cannot count."""

    table = "rules"
