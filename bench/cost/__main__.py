"""`python -m bench.cost`: exits with 0 also when a goal is missed; 1 when something fails."""

import argparse
import sys
import time
from typing import Any

from bench.arguments import whole, writable
from bench.batches import Size
from bench.command import carry_out
from bench.cost.measure import Plan, measure
from bench.cost.overhead import measure_overhead, overhead_report
from bench.cost.report import markdown, report, to_json
from bench.report import machine
from costs.facts.prices import PriceBook
from costs.format import seconds
from rollcall.terminal.console import stdout, steps

ITEMS = 10_000
# Short batches: what slows the machine for a while then meets both of a pair.
OVERHEAD_ITEMS = 2_000
# Of fewer nobody can say how sure the median is.
FEWEST_PAIRS = 6


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
        help=f"for each way ({ITEMS}), or for each batch with --overhead ({OVERHEAD_ITEMS})",
    )
    parser.add_argument(
        "--children",
        type=whole(1, 1_000_000),
        default=2_000,
        metavar=size,
        help="at most so many of them, the first ones, for the Distributed Map (%(default)s)",
    )
    parser.add_argument(
        "--items-per-chunk",
        type=whole(1, 10_000),
        default=100,
        metavar=size,
        help="and per message of (a) and (b) (%(default)s)",
    )
    parser.add_argument(
        "--max-value",
        type=whole(0, 1_000),
        default=20,
        metavar="MS",
        help="a second pass with work that waits up to so long an item; 0: only the pass without work (%(default)s)",
    )
    parser.add_argument("--json", type=writable, metavar="FILE", help="write all figures there, bills included")
    parser.add_argument("--markdown", type=writable, metavar="FILE", help="write the tables there")
    parser.add_argument(
        "--overhead",
        action="store_true",
        help="instead: what the meter adds to a batch's duration, on two engines, one of them without it",
    )
    parser.add_argument(
        "--pairs",
        type=whole(FEWEST_PAIRS, 1_000),
        default=200,
        metavar=size,
        help="of batches, with --overhead (%(default)s)",
    )
    return parser.parse_args()


def cost(given: argparse.Namespace) -> dict[str, Any]:
    """Measure the five ways and print their tables; returns what `--json` writes."""
    book = PriceBook.load()
    passes = tuple(dict.fromkeys((0, given.max_value)))
    plan = Plan(given.items or ITEMS, given.children, given.items_per_chunk, passes)
    measured_on, began = machine(), time.monotonic()
    with steps("starting an engine") as progress:
        found = measure(plan, book, progress)
    stdout.print(report(found, book, f"took {seconds(time.monotonic() - began)}"))
    if given.markdown:
        given.markdown.write_text(markdown(found))
    return to_json(found, book, measured_on)


def overhead(given: argparse.Namespace) -> dict[str, Any]:
    """Measure the meter's overhead and print it; returns what `--json` writes."""
    size, measured_on = Size(given.items or OVERHEAD_ITEMS, given.items_per_chunk), machine()
    with steps("starting two engines") as progress:
        figures = measure_overhead(size, given.pairs, progress)
    stdout.print(overhead_report(figures, size))
    return {"machine": measured_on, "figures": [figure.to_json() for figure in figures]}


given = arguments()
sys.exit(carry_out(lambda: overhead(given) if given.overhead else cost(given), given.json))
