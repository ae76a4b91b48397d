"""What all kinds of records share: queries of a partition, conditional updates, batch writes, and their lifetime."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from handlers.aws import Client
from handlers.aws.backoff import TRIES, back_off
from handlers.aws.errors import ServiceUnavailable
from handlers.sqs.encoding import Record, n

# The end of a lease that never ends.
FOREVER = 2**53
# A record that TTL deletes too early would read as done. So it lives longer than everything that reads it: the deadline
# of its batch, a message's retention, and a redrive with a deadline of its own.
KEEP_SECONDS = 60 * 24 * 3600
REDRIVE_WITHIN_SECONDS = 45 * 24 * 3600
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
THROTTLED = {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}


class TableUnavailable(ServiceUnavailable):
    """DynamoDB left writes unprocessed after every retry."""


@dataclass
class Records:
    """Reads and writes records of the table `name`. `client` is boto3's low-level DynamoDB client."""

    client: Client
    name: str

    def _get(self, key: Record) -> Record | None:
        """A record, strongly consistent; None if there is none."""
        found: Record | None = self.client.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item")
        return found

    def _pages(self, **query: Any) -> Iterator[dict[str, Any]]:
        """The pages of a query."""
        yield from self.client.get_paginator("query").paginate(**query)

    def _records(self, **query: Any) -> Iterator[Record]:
        """The records that a query finds, strongly consistent."""
        for page in self._pages(**query, ConsistentRead=True):
            yield from page["Items"]

    def _partition(self, value: str) -> dict[str, Any]:
        """The query of a whole partition."""
        return {
            "TableName": self.name,
            "KeyConditionExpression": "PK = :pk",
            "ExpressionAttributeValues": {":pk": {"S": value}},
        }

    def _between(self, partition: str, first: str, last: str) -> dict[str, Any]:
        """The query of the part of a partition from `first` to `last`."""
        return {
            "TableName": self.name,
            "KeyConditionExpression": "PK = :pk AND SK BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":pk": {"S": partition}, ":first": {"S": first}, ":last": {"S": last}},
        }

    def _update(self, key: Record, update: str, condition: str, values: Record) -> bool:
        """Update a record if `condition` holds, and return whether it did. `#name`: a name that DynamoDB reserves."""
        return self._try(key, update, condition, values)[0]

    def _take(self, key: Record, update: str, condition: str, values: Record) -> tuple[bool, Record]:
        """Like `_update`; also return the new record, or the old one if `condition` does not hold: empty if none."""
        returned = {"ReturnValues": "ALL_NEW", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        return self._try(key, update, condition, values, **returned)

    def _try(self, key: Record, update: str, condition: str, values: Record, **returned: str) -> tuple[bool, Record]:
        reserved = {f"#{name}": name for name in re.findall(r"#(\w+)", f"{update} {condition}")}
        try:
            answer = self.client.update_item(
                TableName=self.name,
                Key=key,
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                **({"ExpressionAttributeNames": reserved} if reserved else {}),
                **returned,
            )
        except self.client.exceptions.ConditionalCheckFailedException as refused:
            return False, refused.response.get("Item") or {}
        return True, answer.get("Attributes") or {}

    def _write_batch(self, requests: Iterable[dict[str, Any]]) -> None:
        """BatchWriteItem in full calls, which are repeated for unprocessed writes. Raises TableUnavailable."""
        for group in batched(requests, 25, strict=False):
            left = list(group)
            for attempt in range(TRIES):
                left = self._unprocessed(left)
                if not left:
                    break
                back_off(attempt)
            else:
                raise TableUnavailable(f"{len(left)} writes left unprocessed by {self.name} after {TRIES} tries")

    def _unprocessed(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of the writes that DynamoDB throttled. When it throttles all of them, it raises an error instead."""
        try:
            answer = self.client.batch_write_item(RequestItems={self.name: requests})
        except ClientError as error:
            if error.response["Error"]["Code"] not in THROTTLED:
                raise
            return requests
        unprocessed: list[dict[str, Any]] = answer["UnprocessedItems"].get(self.name, [])
        return unprocessed


def expiry(now: int) -> Record:
    """The `expiresAt` of a record that is needed at `now`, in milliseconds since 1970."""
    return n(now // 1000 + KEEP_SECONDS)
