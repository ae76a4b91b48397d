"""Bounds the memory of executions: stock LocalStack keeps each, with all of its state, for as long as the engine lives.

AWS keeps an ended execution for 90 days. Here the ones that ended first go once there are too many.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

from collections import deque
from collections.abc import MutableMapping
from typing import Any

from localstack.services.stepfunctions.backend.store import sfn_stores
from localstack.utils.aws.arns import parse_arn

MOST_ENDED = 1_000


class Ended:
    """The ended executions in the order of their ends; at most `most` of them stay in the stores."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: deque[tuple[MutableMapping[str, Any], str]] = deque()

    def add(self, executions: MutableMapping[str, Any], arn: str) -> None:
        """The execution `arn` of a store has ended. A child of a Map Run is in no store, and ends with its Map Run."""
        if arn not in executions:
            return
        self._kept.append((executions, arn))
        while len(self._kept) > self._most:
            first, forgotten = self._kept.popleft()
            first.pop(forgotten, None)


ENDED = Ended(MOST_ENDED)


def ended(arn: str) -> None:
    """Count an execution that has ended, and forget the first one if there are too many."""
    parsed = parse_arn(arn)
    ENDED.add(sfn_stores[parsed["account"]][parsed["region"]].executions, arn)
