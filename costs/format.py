"""Formats amounts of money, quantities and durations for people."""

import math

SIGNIFICANT = 3
# The decimals of the smallest amount that is shown.
MOST_DECIMALS = 10


def decimals_for(amount: float) -> int:
    """The number of decimals that show three significant digits of `amount`, at least two."""
    if amount <= 0:
        return 2
    return min(MOST_DECIMALS, max(2, SIGNIFICANT - 1 - math.floor(math.log10(amount))))


def dollars(amount: float, decimals: int | None = None) -> str:
    """`$0.0000123`, `$0.312`, `$1,234.50`. With `decimals`, for a column, an amount too small to show is `<$0.001`."""
    if not amount:
        return "$0"
    places = decimals_for(amount) if decimals is None else decimals
    least = 10.0**-places
    return f"<${least:.{places}f}" if amount < least / 2 else f"${amount:,.{places}f}"


def per_million(amount: float | None) -> str:
    """`$0.31 per million items`; a dash for a batch without items."""
    return "-" if amount is None else f"{dollars(amount)} per million items"


def quantity(number: float) -> str:
    """`1,234`, `0.0123`, `12.3`: whole numbers whole, others with three significant digits."""
    if number == round(number) or number >= 10**SIGNIFICANT:
        return f"{number:,.0f}"
    places = max(0, SIGNIFICANT - 1 - math.floor(math.log10(number)))
    return f"{number:,.{places}f}"


def count(number: float | None, noun: str = "") -> str:
    """`count(1000, "item")` is `1,000 items`; an unknown number is a dash."""
    if number is None:
        return "-"
    return f"{number:,.0f}" + (f" {noun}{'' if number == 1 else 's'}" if noun else "")


def seconds(duration: float | None) -> str:
    """A duration: `0.312 s`, `4.2 s`, `3 min 20 s`, `2 h 05 min`, `6 d 08 h`; a dash if it is unknown."""
    if duration is None:
        return "-"
    if duration < 1:
        return f"{duration:.3f} s" if duration >= 0.0005 else "0 s"
    if duration < 60:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    if duration < 48 * 3600:
        hours, rest = divmod(round(duration / 60), 60)
        return f"{hours} h {rest:02} min"
    days, rest = divmod(round(duration / 3600), 24)
    return f"{days} d {rest:02} h"


def short_seconds(duration: float) -> str:
    """A round duration in its largest unit: `30 s`, `5 min`, `2 h`, `1 d`."""
    for unit, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if duration >= unit:
            return f"{duration / unit:g} {name}"
    return f"{duration:g} s"
