"""The Map Run of an execution, and its child executions."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from handlers.aws import Client, clients
from handlers.aws.errors import CheckAgain
from handlers.aws.telemetry import logger
from handlers.core.clock import Clock
from handlers.core.json_text import JsonObject

# The whole account has 15 calls a second of DescribeExecution in three Regions, and 10 in all others. So few calls run
# at a time, and the SDK makes a refused one again more often than others.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
CALLS_A_SECOND = 10
THREADS = 8
TRIES = 10
LARGEST_PAGE = 100
# With less than PAGE_MS left (or a quarter of the invocation), twice the time of a page, no page is begun. With less
# than LAST_MS left, no further child of a page is described.
PAGE_MS, LAST_MS = 20_000, 3_000
# For this long after a Map Run's end its counts and its list of children may differ: both are eventually consistent.
PROOF_SECONDS = 900


class CountsDoNotAddUp(CheckAgain):
    """The Map Run does not account for every chunk, maybe not yet: it is eventually consistent."""


class OutOfTime(CheckAgain):
    """The work takes longer than one invocation. The next one goes on from what this one has stored."""


class TokenExpired(Exception):
    """AWS keeps the token of a page for 24 hours only: the caller has to read the list again from its start."""


def client() -> Client:
    """The Step Functions client for MapRuns."""
    return clients.client("stepfunctions", TRIES, connections=THREADS)


@dataclass
class MapRuns:
    """Reads Map Runs and their children. `states` is a Step Functions client."""

    states: Client

    def of(self, execution_arn: str) -> list[str]:
        """The ARNs of the execution's Map Runs, in the order of their starts."""
        pages = self.states.get_paginator("list_map_runs").paginate(executionArn=execution_arn)
        runs = [run for page in pages for run in page["mapRuns"]]
        return [run["mapRunArn"] for run in sorted(runs, key=lambda run: run["startDate"])]

    def find(self, execution_arn: str, run: int) -> str | None:
        """The ARN of the execution's `run`th Map Run; None if it is not listed: not started, or not yet."""
        return dict(enumerate(self.of(execution_arn), start=1)).get(run)

    def describe(self, map_run_arn: str) -> Any:
        """The answer of DescribeMapRun."""
        return self.states.describe_map_run(mapRunArn=map_run_arn)

    def children(
        self, map_run_arn: str, status: str, token: str | None, clock: Clock
    ) -> tuple[list[JsonObject], str | None]:
        """A page of the children with a final status, each as DescribeExecution returns it, and the next page's token.

        A child that AWS has forgotten is left out: for how long it keeps an EXPRESS one is documented nowhere.
        Raises TokenExpired, and OutOfTime if no time is left for a page.
        """
        if not clock.has(PAGE_MS):
            raise OutOfTime(f"a page of children that ended {status}")
        page = self._listed(map_run_arn, status, page_size(clock), token)

        def describe(child: JsonObject) -> Any:
            if not clock.has(LAST_MS):
                raise OutOfTime(f"a page of children that ended {status} took long")
            try:
                return self.states.describe_execution(executionArn=child["executionArn"])
            except ClientError as error:
                if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
                    raise
                logger.warning("child is forgotten", execution_arn=child["executionArn"])
                return None

        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(describe, page["executions"]))
        return [child for child in found if child], page.get("nextToken")

    def _listed(self, map_run_arn: str, status: str, size: int, token: str | None) -> Any:
        place = {"nextToken": token} if token else {}
        try:
            return self.states.list_executions(mapRunArn=map_run_arn, statusFilter=status, maxResults=size, **place)
        except ClientError as error:
            if token and error.response["Error"]["Code"] == "InvalidToken":
                raise TokenExpired from error
            raise


def page_size(clock: Clock) -> int:
    """The number of children of a page, the same in every invocation: AWS binds a token to the page size.

    At the slowest quota a page takes an eighth of an invocation's time.
    """
    return max(1, min(LARGEST_PAGE, clock.total * CALLS_A_SECOND // 8_000))


def outcomes_of(child: JsonObject) -> list[JsonObject]:
    """What became of the chunks of a child that succeeded: `{"outcome", "seq"}` of each."""
    output = json.loads(child["output"])
    # That of an execution which began before a deployment is of one chunk.
    return output if isinstance(output, list) else [output]
