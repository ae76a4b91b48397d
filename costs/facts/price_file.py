"""A price, and the files of prices: reading them, and refusing what is none."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from bootstrap.problem import Problem

FIELDS = {"id", "title", "unit", "per", "tiers", "free_per_month", "source", "confidence"}
TIER = {"from", "usd"}
EXAMPLE = (
    "a price has an id and tiers = [{ from = 0, usd = 0.40 }], in dollars for `per` units; "
    "the book is costs/facts/prices.toml"
)


@dataclass(frozen=True, kw_only=True)
class Tier:
    """From so much of a month's quantity on, `usd` is the price."""

    start: float
    usd: float


@dataclass(frozen=True, kw_only=True)
class Price:
    """`usd` of the tier that applies buys `per` of `unit`; `free` of it a month cost nothing in a free tier."""

    id: str
    title: str
    unit: str
    per: float
    tiers: tuple[Tier, ...]
    free: float
    source: str
    confidence: str

    def dollars(self, quantity: float) -> float:
        """What a month's `quantity` costs, every part of it at its tier's price."""
        ends = (*(tier.start for tier in self.tiers[1:]), float("inf"))
        return sum(
            max(0.0, min(quantity, end) - tier.start) * tier.usd / self.per
            for tier, end in zip(self.tiers, ends, strict=True)
        )

    def to_json(self) -> dict[str, Any]:
        """The price as its file has it."""
        return {
            "title": self.title,
            "unit": self.unit,
            "per": self.per,
            "tiers": [{"from": tier.start, "usd": tier.usd} for tier in self.tiers],
            "freePerMonth": self.free,
            "source": self.source,
            "confidence": self.confidence,
        }


def read(path: Path) -> dict[str, Any]:
    """A file of prices as TOML. Raises Problem if it is none."""
    try:
        content = tomllib.loads(path.read_text())
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Problem(f"{path} is not TOML: {error}", EXAMPLE) from error
    unknown = sorted(content.keys() - {"region", "date", "prices"})
    if unknown or not isinstance(content.get("prices"), list):
        what = f"has {', '.join(unknown)}" if unknown else "has no [[prices]]"
        raise Problem(f"{path} {what}; expected [[prices]], and perhaps region and date", EXAMPLE)
    return content


def checked(entry: Mapping[str, Any]) -> Price:
    """The price that a file's `entry` describes. Raises ValueError that names what is wrong."""
    if unknown := sorted(entry.keys() - FIELDS):
        raise ValueError(f"unknown field {', '.join(unknown)}; expected some of {', '.join(sorted(FIELDS))}")
    for field in ("id", "title", "unit", "source", "confidence"):
        if not isinstance(entry[field], str):
            raise ValueError(f"{field} is a text, got {entry[field]!r}")
    per = number(entry["per"], "per")
    if not per:
        raise ValueError("per is more than 0, got 0")
    return Price(
        id=entry["id"],
        title=entry["title"],
        unit=entry["unit"],
        per=per,
        tiers=checked_tiers(entry["tiers"]),
        free=number(entry.get("free_per_month", 0), "free_per_month"),
        source=entry["source"],
        confidence=entry["confidence"],
    )


def checked_tiers(tiers: Any) -> tuple[Tier, ...]:
    """The tiers that a file's list describes. Raises ValueError unless they begin from 0 and rise."""
    if not isinstance(tiers, list) or not all(isinstance(tier, dict) and tier.keys() == TIER for tier in tiers):
        raise ValueError(f"tiers is a list of {{ from = ..., usd = ... }}, got {tiers!r}")
    found = tuple(Tier(start=number(tier["from"], "from"), usd=number(tier["usd"], "usd")) for tier in tiers)
    starts = [tier.start for tier in found]
    if starts[:1] != [0] or any(later <= earlier for earlier, later in pairwise(starts)):
        raise ValueError(f"tiers begin from 0 and rise, got {starts!r}")
    return found


def number(value: Any, field: str) -> float:
    """`value`, if it is a finite number from 0 on. Raises ValueError that names `field`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError(f"{field} is a number from 0 on, got {value!r}")
    return value
