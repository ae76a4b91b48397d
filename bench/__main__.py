"""`python -m bench`: exits with 1 if something fails; a missed goal exits with 0, because machines are noisy."""

import argparse
import sys
import time
from typing import Any

from bench.arguments import whole, writable
from bench.command import carry_out
from bench.failures import measure_failures
from bench.measure import measure
from bench.races import Plan
from bench.report import WIDTH, machine, report, to_json
from rollcall.terminal.console import stdout, steps


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure Rollcall natively, and MiniStack beside it, on engines of their own that are stopped at "
        "the end: how soon both stacks are ready, memory, invocations, single calls, and batches of zero work through "
        "both architectures; and on Rollcall's alone two baselines that write and delete one state item per item.",
    )
    count, size = whole(1, 1_000_000), "N"
    parser.add_argument("--alone", action="store_true", help="measure Rollcall without MiniStack")
    parser.add_argument("--items", type=count, default=10_000, metavar=size, help="SQS, both baselines (%(default)s)")
    parser.add_argument("--large", type=count, default=100_000, metavar=size, help="SQS alone (%(default)s)")
    parser.add_argument("--sfn-items", type=count, default=20_000, metavar=size, help="Step Functions (%(default)s)")
    parser.add_argument(
        "--children",
        type=whole(0, 1_000_000),
        default=0,
        metavar=size,
        help="also a Distributed Map with N children of one item each; 20,000 take minutes",
    )
    parser.add_argument(
        "--short", type=count, default=20, metavar=size, help="batches of 1,000 items for the lag (%(default)s)"
    )
    parser.add_argument(
        "--million", action="store_true", help="also SQS with 1,000,000 items, 500 per chunk, and its batcher's memory"
    )
    parser.add_argument("--rounds", type=whole(1, 100), default=1, metavar=size, help="of all batches (%(default)s)")
    parser.add_argument(
        "--failures",
        type=count,
        metavar=size,
        help="only a batch of N items that all fail, in both architectures; 1,000,000 take minutes",
    )
    parser.add_argument("--json", type=writable, metavar="FILE", help="write the figures to this file")
    return parser.parse_args()


def speed(given: argparse.Namespace) -> Any:
    """Measure, and print the report; returns the object that `--json` writes."""
    plan = Plan(given.items, given.large, given.sfn_items, given.children, given.short, given.million, given.rounds)
    measured_on, began = machine(), time.monotonic()
    with steps("starting an engine") as progress:
        figures = measure_failures(given.failures, progress) if given.failures else measure(plan, given.alone, progress)
    took = time.monotonic() - began
    if not stdout.is_terminal:
        stdout.width = WIDTH
    stdout.print(report(figures, measured_on, took))
    return to_json(figures, measured_on, took)


given = arguments()
sys.exit(carry_out(lambda: speed(given), given.json))
