"""Puts orders into a DynamoDB table, a whole chunk with few requests."""

import os
from typing import Any

import boto3

# The retries that DynamoDB wants of its clients are those of boto3, and of its batch writer.
table = boto3.resource("dynamodb").Table(os.environ["ORDER_TABLE"])


class InvalidOrder(ValueError):
    """The order cannot be put into the table."""


def process_chunk(items: list[dict[str, Any]]) -> list[Exception | None]:
    """Put the orders of a chunk, 25 a request; return an entry for each: None, or why it failed.

    A chunk may come again: it puts the same orders under the same keys. If a request fails, Rollcall calls this
    function again with each order alone.
    """
    answers: list[Exception | None] = []
    # Of two orders with one id the later one counts; DynamoDB would refuse a request with both.
    with table.batch_writer(overwrite_by_pkeys=["id"]) as batch:
        for item in items:
            try:
                batch.put_item(Item=order_of(item))
                answers.append(None)
            except InvalidOrder as error:
                answers.append(error)
    return answers


def order_of(item: dict[str, Any]) -> dict[str, Any]:
    """The row of an item: a CSV file has texts only. Raises InvalidOrder."""
    cents = str(item.get("cents", ""))
    if not cents.isascii() or not cents.isdigit():
        raise InvalidOrder(f"cents: {cents!r} must be a whole number")
    return {"id": item["id"], "customer": item["customer"], "cents": int(cents)}
