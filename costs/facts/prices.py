"""The price book: what AWS charges for a unit, from a dated file of prices."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from bootstrap.problem import Problem
from costs.facts.figures import read_facts

BUILT_IN = Path(__file__).with_name("prices.toml")
VARIABLE = "ROLLCALL_PRICES"
"""Names a file whose prices override the built-in ones."""
TEXTS = ("id", "title", "unit", "source", "confidence")
FIELDS = {*TEXTS, "per", "tiers", "free_per_month"}
EXAMPLE = (
    "a price has an id and tiers = [{ from = 0, usd = 0.40 }], in dollars for `per` units; "
    "the book is costs/facts/prices.toml"
)


@dataclass(frozen=True, kw_only=True)
class Tier:
    """From `start` of a month's quantity on, `usd` is the price."""

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

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "Price":
        """The price that a file's `entry` describes. Raises ValueError that names what is wrong."""
        if unknown := sorted(entry.keys() - FIELDS):
            raise ValueError(f"unknown field {', '.join(unknown)}; expected some of {', '.join(sorted(FIELDS))}")
        for field in TEXTS:
            if not isinstance(entry[field], str):
                raise ValueError(f"{field} is a text, got {entry[field]!r}")
        per, free = number(entry["per"], "per"), number(entry.get("free_per_month", 0), "free_per_month")
        if not per:
            raise ValueError("per is more than 0, got 0")
        return cls(**{field: entry[field] for field in TEXTS}, per=per, tiers=tiers_of(entry["tiers"]), free=free)

    def dollars(self, quantity: float) -> float:
        """What a month's `quantity` costs, every part of it at its tier's price."""
        ends = (*(tier.start for tier in self.tiers[1:]), float("inf"))
        return sum(
            max(0.0, min(quantity, end) - tier.start) * tier.usd / self.per
            for tier, end in zip(self.tiers, ends, strict=True)
        )

    def to_json(self) -> dict[str, Any]:
        """The price as `rollcall bill --json` prints it."""
        return {
            "title": self.title,
            "unit": self.unit,
            "per": self.per,
            "tiers": [{"from": tier.start, "usd": tier.usd} for tier in self.tiers],
            "freePerMonth": self.free,
            "source": self.source,
            "confidence": self.confidence,
        }


@dataclass(frozen=True)
class PriceBook:
    """Prices by id, in US dollars. `own` are the ids that a file of the user's has overridden."""

    region: str
    date: date
    prices: Mapping[str, Price]
    own: frozenset[str] = frozenset()
    free_tier: bool = False

    @classmethod
    def load(cls, path: Path | None = None) -> "PriceBook":
        """The built-in book, overridden by the file at `path`, or else by the one that ROLLCALL_PRICES names.

        Such a file gives for every price an `id` of the book and what differs, `tiers` as a rule; its `region` and
        `date`, where given, become the book's. Raises Problem, which names file, id and what was expected.
        """
        content = read_facts(BUILT_IN)
        entries = {entry["id"]: entry for entry in content["prices"]}
        book = cls(content["region"], content["date"], {name: Price.of(entry) for name, entry in entries.items()})
        path = path or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
        return book._overridden(path, entries) if path else book

    def price(self, price_id: str) -> Price:
        """The price with that id. Raises Problem if the book has none."""
        if price_id not in self.prices:
            raise Problem(f"there is no price {price_id!r}", f"known: {listed(self.prices)}")
        return self.prices[price_id]

    def dollars(self, price_id: str, quantity: float) -> float:
        """What `quantity` costs in a month in which nothing else is bought of it. Raises Problem for an unknown id."""
        price = self.price(price_id)
        return price.dollars(max(0.0, quantity - price.free) if self.free_tier else quantity)

    def with_free_tier(self) -> "PriceBook":
        """The same book, whose monthly free amounts are taken off."""
        return replace(self, free_tier=True)

    def _overridden(self, path: Path, built_in: Mapping[str, Mapping[str, Any]]) -> "PriceBook":
        content = read_facts(path, EXAMPLE)
        unknown = sorted(content.keys() - {"region", "date", "prices"})
        if unknown or not isinstance(content.get("prices"), list):
            what = f"has {', '.join(unknown)}" if unknown else "has no [[prices]]"
            raise Problem(f"{path} {what}; expected [[prices]], and perhaps region and date", EXAMPLE)
        own = {}
        for entry in content["prices"]:
            price_id = entry.get("id") if isinstance(entry, dict) else None
            if not isinstance(price_id, str) or price_id not in built_in:
                raise Problem(f"{path}: {price_id!r} is no price's id", f"known: {listed(built_in)}")
            try:
                own[price_id] = Price.of({**built_in[price_id], "source": str(path), **entry})
            except ValueError as error:
                raise Problem(f"{path}: price {price_id}: {error}", EXAMPLE) from error
        region, dated = content.get("region", self.region), content.get("date", self.date)
        if not isinstance(region, str) or not isinstance(dated, date):
            raise Problem(f"{path}: region is a text and date is a date such as 2026-11-23, got {region!r}, {dated!r}")
        return PriceBook(region, dated, {**self.prices, **own}, frozenset(own))


def tiers_of(tiers: Any) -> tuple[Tier, ...]:
    """The tiers that a file's list describes. Raises ValueError unless they begin from 0 and rise."""
    if not isinstance(tiers, list) or not all(
        isinstance(tier, dict) and tier.keys() == {"from", "usd"} for tier in tiers
    ):
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


def listed(ids: Iterable[str]) -> str:
    """Ids as a sentence has them."""
    return ", ".join(sorted(ids))
