"""What the Map Run of an execution has done, and its child executions."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from handlers.aws.errors import LookAgain
from handlers.core.clock import Clock

# DescribeExecution is refilled by 15 calls a second in three Regions and by 10 in all others, for the whole account: a
# few at a time, and the SDK waits when AWS says so.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
CALLS_A_SECOND = 10
THREADS = 8
# The API takes a few calls a second, so a call that is refused is tried again with more patience than usual.
CONFIG = Config(retries={"mode": "adaptive", "total_max_attempts": 10}, max_pool_connections=THREADS)
LARGEST_PAGE = 100
# With less than this left no page is begun, or than a quarter of the whole: twice what it takes. And none is described
# to its end with less than the other.
PAGE_MS, LAST_MS = 20_000, 3_000


class OutOfTime(LookAgain):
    """What takes longer than one invocation: the next one goes on from what this one has stored."""


class TokenExpired(Exception):
    """A page's token is older than the 24 hours that AWS keeps it: the list is to be read from its start."""


def client() -> Any:
    """boto3's for Step Functions, as MapRuns takes it."""
    return boto3.client("stepfunctions", config=CONFIG)


class MapRuns:
    """`states` is boto3's client for Step Functions."""

    def __init__(self, states):
        self.states = states

    def of(self, execution_arn: str) -> str | None:
        """The execution's Map Run, if it came to that."""
        runs = self.states.list_map_runs(executionArn=execution_arn)["mapRuns"]
        return runs[0]["mapRunArn"] if runs else None

    def describe(self, map_run_arn: str) -> dict:
        return self.states.describe_map_run(mapRunArn=map_run_arn)

    def children(self, map_run_arn: str, status: str, token: str | None, clock: Clock) -> tuple[list[dict], str | None]:
        """A page of children that ended so, described in full, and the next page's token.

        Raises TokenExpired, and OutOfTime where there is none for a page.
        """
        if not clock.has(PAGE_MS):
            raise OutOfTime(f"a page of children that ended {status}")
        page = self._listed(map_run_arn, status, page_size(clock), token)

        def describe(child: dict) -> dict:
            if not clock.has(LAST_MS):
                raise OutOfTime(f"a page of children that ended {status} took long")
            return self.states.describe_execution(executionArn=child["executionArn"])

        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(describe, page["executions"])), page.get("nextToken")

    def _listed(self, map_run_arn: str, status: str, size: int, token: str | None) -> dict:
        place = {"nextToken": token} if token else {}
        try:
            return self.states.list_executions(mapRunArn=map_run_arn, statusFilter=status, maxResults=size, **place)
        except ClientError as error:
            if token and error.response["Error"]["Code"] == "InvalidToken":
                raise TokenExpired from error
            raise


def page_size(clock: Clock) -> int:
    """Children of a page, the same in every invocation: AWS wants a token used with what it was given for.

    At the slowest quota they take an eighth of an invocation's time.
    """
    return max(1, min(LARGEST_PAGE, clock.total * CALLS_A_SECOND // 8_000))


def chunk_of(child: dict) -> dict:
    """The chunk that a child was given."""
    return json.loads(child["input"])["chunk"]


def settled_by(children: list[dict]) -> Iterator[int]:
    """The numbers of the chunks that children have settled who succeeded."""
    return (json.loads(child["output"])["seq"] for child in children)
