"""`python -m bench.cost`: exits with 1 if something fails; a missed goal exits with 0."""

import argparse
import sys
import time
from typing import Any

from bench.arguments import whole, writable
from bench.command import carry_out
from bench.cost.measure import Plan, measure
from bench.cost.report import markdown, report, to_json
from bench.report import machine
from costs.facts.prices import PriceBook
from costs.format import seconds
from rollcall.terminal.console import stdout, steps

ITEMS = 10_000


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.cost",
        description="What the same items would cost on AWS through Rollcall's two architectures and three obvious "
        "ways, by the meter of an engine of its own that is stopped at the end: (a) a state item per item, as the "
        "specification says; (b) the same as usually published; (c) a Distributed Map with an item per child.",
        epilog="for example: python -m bench.cost --items 2000 --children 500 --json cost.json",
    )
    size = "N"
    parser.add_argument(
        "--items",
        type=whole(1, 1_000_000),
        metavar=size,
        default=ITEMS,
        help="items for each way (%(default)s)",
    )
    parser.add_argument(
        "--children",
        type=whole(1, 1_000_000),
        default=2_000,
        metavar=size,
        help="the Distributed Map gets only the first N items (%(default)s)",
    )
    parser.add_argument(
        "--items-per-chunk",
        type=whole(1, 10_000),
        default=100,
        metavar=size,
        help="items per chunk, and per message of (a) and (b) (%(default)s)",
    )
    parser.add_argument(
        "--max-value",
        type=whole(0, 1_000),
        default=20,
        metavar="MS",
        help="a second pass, in which an item waits up to MS milliseconds; 0: only the pass without work (%(default)s)",
    )
    parser.add_argument("--json", type=writable, metavar="FILE", help="write all figures to this file, bills included")
    parser.add_argument("--markdown", type=writable, metavar="FILE", help="write the tables to this file")
    return parser.parse_args()


def cost(given: argparse.Namespace) -> dict[str, Any]:
    """Measure the five ways and print their tables; returns the object that `--json` writes."""
    book = PriceBook.load()
    passes = tuple(dict.fromkeys((0, given.max_value)))
    plan = Plan(given.items, given.children, given.items_per_chunk, passes)
    measured_on, began = machine(), time.monotonic()
    with steps("starting an engine") as progress:
        found = measure(plan, book, progress)
    stdout.print(report(found, book, f"took {seconds(time.monotonic() - began)}"))
    if given.markdown:
        given.markdown.write_text(markdown(found))
    return to_json(found, book, measured_on)


given = arguments()
sys.exit(carry_out(lambda: cost(given), given.json))
