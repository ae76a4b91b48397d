"""Your source: where the items of a batch come from."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GUESTS = Path(__file__).with_name("guests.csv")


def items(request: Any) -> Iterator[dict[str, Any]]:
    """Yield the items: dicts, each with an "id", always the same in the same order."""
    with GUESTS.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
