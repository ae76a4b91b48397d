"""`python -m bench`: exits with 0 also when a goal is missed, because machines are noisy; 1 when something fails."""

import argparse
import json
import signal
import sys
import time

from botocore.exceptions import BotoCoreError, ClientError

from bench.arguments import whole, writable
from bench.measure import Plan, measure
from bench.report import machine, report, to_json
from bootstrap.failures import DeployFailed
from bootstrap.vendoring import CannotVendor
from rollcall.errors import Problem
from rollcall.terminal import stderr, stdout, steps
from sandbox.state import SandboxError


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure Rollcall natively, on an engine of its own that is stopped at the end: how soon both "
        "stacks are ready, invocations, and batches of zero work through both architectures beside a baseline that "
        "writes and deletes one state item per item.",
    )
    count, size = whole(1, 1_000_000), "N"
    parser.add_argument(
        "--items", type=count, default=10_000, metavar=size, help="SQS, and both baselines (%(default)s)"
    )
    parser.add_argument("--large", type=count, default=100_000, metavar=size, help="SQS alone (%(default)s)")
    parser.add_argument("--sfn-items", type=count, default=20_000, metavar=size, help="Step Functions (%(default)s)")
    parser.add_argument(
        "--children",
        type=whole(0, 1_000_000),
        default=0,
        metavar=size,
        help="a Distributed Map of so many children with one item each, too; 20,000 take minutes",
    )
    parser.add_argument(
        "--million", action="store_true", help="SQS with 1,000,000 items, 500 a chunk, and its batcher's memory, too"
    )
    parser.add_argument(
        "--rounds", type=whole(1, 100), default=1, metavar=size, help="how often to run the batches (%(default)s)"
    )
    parser.add_argument("--json", type=writable, metavar="FILE", help="write the figures there, too")
    return parser.parse_args()


def main() -> int:
    """Measure, and print what came of it."""
    given = arguments()
    # A stop request unwinds like any exit, so that the engine is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = Plan(given.items, given.large, given.sfn_items, given.children, given.million, given.rounds)
    measured_on, began = machine(), time.monotonic()
    try:
        with steps("starting an engine") as progress:
            figures = measure(plan, progress)
    except (Problem, SandboxError, DeployFailed, CannotVendor, ClientError, BotoCoreError) as error:
        stderr.print(f"{error}\nthe engine's log: .rollcall/rollcall-bench-*/engine.log", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130
    took = time.monotonic() - began
    stdout.print(report(figures, measured_on, took))
    if given.json:
        given.json.write_text(json.dumps(to_json(figures, measured_on, took), indent=2) + "\n")
    return 0


sys.exit(main())
