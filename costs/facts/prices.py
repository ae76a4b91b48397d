"""The price book: what AWS charges for a unit, from a dated file of prices."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from bootstrap.problem import Problem
from costs.facts.figures import read_facts
from handlers.core.batch import camel_cased

BUILT_IN = Path(__file__).with_name("prices.toml")
VARIABLE = "ROLLCALL_PRICES"
"""Names a file whose prices override the built-in ones."""
EXAMPLE = (
    "a price has an id and tiers = [{ from = 0, usd = 0.40 }], in dollars for `per` units; "
    "the book is costs/facts/prices.toml"
)


@dataclass(frozen=True, kw_only=True)
class Price:
    """A price: `usd` of a tier buys `per` of `unit`; the free tier has `free_per_month`.

    A tier applies from the month's quantity `from` on. The tiers begin at 0 and are in ascending order.
    """

    id: str
    title: str
    unit: str
    per: float
    tiers: list[dict[str, float]]
    free_per_month: float = 0
    source: str
    confidence: str

    def dollars(self, quantity: float) -> float:
        """The cost of a month's `quantity`, each part of it at the price of its tier."""
        ends = (*(tier["from"] for tier in self.tiers[1:]), math.inf)
        return sum(
            max(0.0, min(quantity, end) - tier["from"]) * tier["usd"] / self.per
            for tier, end in zip(self.tiers, ends, strict=True)
        )

    def to_json(self) -> dict[str, Any]:
        """The price as `rollcall bill --json` prints it."""
        return camel_cased({name: value for name, value in vars(self).items() if name != "id"})


@dataclass(frozen=True)
class PriceBook:
    """Prices by id, in US dollars. `own` are the ids that a file of the user's overrides."""

    region: str
    date: date
    prices: Mapping[str, Price]
    own: frozenset[str] = frozenset()
    free_tier: bool = False

    @classmethod
    def load(cls, path: Path | None = None) -> "PriceBook":
        """Load the built-in book, overridden by the file at `path`, or else by the one that ROLLCALL_PRICES names.

        The file gives for each price its `id` in the book and the fields that differ, usually `tiers`. Its `region` and
        `date`, if given, replace the book's. Raises Problem, which names the file, the id and what was expected.
        """
        book, own = read_facts(BUILT_IN), {}
        entries = {entry["id"]: entry for entry in book["prices"]}
        if named := path or os.environ.get(VARIABLE):
            content = read_facts(Path(named), EXAMPLE)
            if "prices" not in content:
                raise Problem(f"{named} has no [[prices]]; expected them, and perhaps region and date", EXAMPLE)
            check(f"{named}", content, FILE_FIELDS)
            for entry in content["prices"]:
                name = str(entry.get("id"))
                if name not in entries:
                    raise Problem(f"{named}: {name!r} is no price's id", f"known: {', '.join(sorted(entries))}")
                own[name] = {**entries[name], "source": str(named), **entry}
                check(f"{named}: price {name}", own[name], PRICE_FIELDS)
            book |= content
        prices = {name: Price(**entry) for name, entry in (entries | own).items()}
        return cls(book["region"], book["date"], prices, frozenset(own))

    def price(self, price_id: str) -> Price:
        """The price with this id. Raises Problem if the book does not have it."""
        if price_id not in self.prices:
            raise Problem(f"there is no price {price_id!r}", f"known: {', '.join(sorted(self.prices))}")
        return self.prices[price_id]

    def dollars(self, price_id: str, quantity: float) -> float:
        """The cost of `quantity` in a month in which nothing else is bought at this price. Raises Problem for an
        unknown id."""
        price = self.price(price_id)
        return price.dollars(max(0.0, quantity - price.free_per_month) if self.free_tier else quantity)

    def with_free_tier(self) -> "PriceBook":
        """The same book with the monthly free amounts deducted."""
        return replace(self, free_tier=True)


def is_number(value: Any) -> bool:
    """Whether a field's value is a finite number from 0 on."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def are_tiers(value: Any) -> bool:
    """Whether a field's value is a price's list of tiers."""
    if not is_list_of_tables(value) or any(tier.keys() != {"from", "usd"} for tier in value):
        return False
    starts = [tier["from"] for tier in value]
    numbers = all(is_number(number) for tier in value for number in tier.values())
    return numbers and starts[:1] == [0] and starts == sorted(set(starts))


def is_list_of_tables(value: Any) -> bool:
    """Whether a field's value is a list of tables."""
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


type Fields = Mapping[str, tuple[Callable[[Any], bool], str]]
"""By a field's name, what its value must fulfil, and that in words."""

TEXT = (lambda value: isinstance(value, str)), "a text"
PRICE_FIELDS: Fields = {
    **dict.fromkeys(("id", "title", "unit", "source", "confidence"), TEXT),
    "per": (lambda value: is_number(value) and value > 0, "a number above 0"),
    "free_per_month": (is_number, "a number from 0 on"),
    "tiers": (are_tiers, "a list of { from = ..., usd = ... }, numbers, which begin from 0 and rise"),
}
FILE_FIELDS: Fields = {
    "prices": (is_list_of_tables, "[[prices]]"),
    "region": TEXT,
    "date": (lambda value: isinstance(value, date), "a date such as 2026-11-23"),
}


def check(where: str, table: Mapping[str, Any], fields: Fields) -> None:
    """Raise Problem about the place `where` if a field of `table` is unknown or has a wrong value."""
    for name, value in table.items():
        if name not in fields:
            raise Problem(f"{where}: unknown field {name}; expected some of {', '.join(sorted(fields))}", EXAMPLE)
        fits, words = fields[name]
        if not fits(value):
            raise Problem(f"{where}: {name} is {words}, got {value!r}", EXAMPLE)
