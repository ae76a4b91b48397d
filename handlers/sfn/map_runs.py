"""What the Map Run of an execution has done, and its child executions."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

# DescribeExecution is refilled by 15 calls a second: a few at a time, and the SDK waits when AWS says so.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
THREADS = 8
# The API takes a few calls a second, so a call that is refused is tried again with more patience than usual.
CONFIG = Config(retries={"mode": "adaptive", "total_max_attempts": 10}, max_pool_connections=THREADS)


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

    def children(self, map_run_arn: str, status: str, size: int, token: str | None) -> tuple[list[dict], str | None]:
        """A page of at most `size` children that ended so, described in full, and the next page's token."""
        place = {"nextToken": token} if token else {}
        page = self.states.list_executions(mapRunArn=map_run_arn, statusFilter=status, maxResults=size, **place)
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(self._describe, page["executions"])), page.get("nextToken")

    def _describe(self, child: dict) -> dict:
        return self.states.describe_execution(executionArn=child["executionArn"])


def chunk_of(child: dict) -> dict:
    """The chunk that a child was given."""
    return json.loads(child["input"])["chunk"]


def settled_by(children: list[dict]) -> Iterator[int]:
    """The numbers of the chunks that children have settled who succeeded."""
    return (json.loads(child["output"])["seq"] for child in children)
