"""The price book: what AWS charges for a unit, from a dated data file."""

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from bootstrap.problem import Problem
from costs.facts.price_file import EXAMPLE, Price, checked, read

BUILT_IN = Path(__file__).with_name("prices.toml")
# Names a file whose prices go before the built-in ones.
VARIABLE = "ROLLCALL_PRICES"


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
        """The built-in book; the prices in the file at `path`, else in the one that ROLLCALL_PRICES names, go before.

        Such a file gives for every price an `id` of the book and what differs, `tiers` as a rule; its `region` and
        `date`, where given, become the book's. Raises Problem, which names file, id and what was expected.
        """
        content = tomllib.loads(BUILT_IN.read_text())
        built_in = {entry["id"]: entry for entry in content["prices"]}
        prices = {price_id: checked(entry) for price_id, entry in built_in.items()}
        book = cls(content["region"], content["date"], prices)
        if path is None and os.environ.get(VARIABLE):
            path = Path(os.environ[VARIABLE])
        return book._overridden(path, built_in) if path else book

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
        content = read(path)
        own = {}
        for entry in content["prices"]:
            price_id = entry.get("id") if isinstance(entry, dict) else None
            if not isinstance(price_id, str) or price_id not in built_in:
                raise Problem(f"{path}: {price_id!r} is no price's id", f"known: {listed(built_in)}")
            try:
                own[price_id] = checked({**built_in[price_id], "source": str(path), **entry})
            except ValueError as error:
                raise Problem(f"{path}: price {price_id}: {error}", EXAMPLE) from error
        region, dated = content.get("region", self.region), content.get("date", self.date)
        if not isinstance(region, str) or not isinstance(dated, date):
            raise Problem(f"{path}: region is a text and date is a date such as 2026-11-23, got {region!r}, {dated!r}")
        return PriceBook(region, dated, {**self.prices, **own}, frozenset(own))


def listed(ids: Iterable[str]) -> str:
    """Ids as a sentence has them."""
    return ", ".join(sorted(ids))
