"""Of one order without a sandbox, and of the file with its table."""

import csv
import os
from pathlib import Path
from typing import Any

import pytest
from work import InvalidOrder, order_of

ORDERS = Path(__file__).parents[1] / "orders.csv"


def test_the_cents_of_an_order_are_a_number() -> None:
    assert order_of({"id": "o1", "customer": "Ada", "cents": "250"})["cents"] == 250
    with pytest.raises(InvalidOrder, match="cents: 'ten' must be a whole number"):
        order_of({"id": "o2", "customer": "Ada", "cents": "ten"})


def rows(sandbox: Any) -> dict[str, str]:
    """The cents of each order in the table."""
    pages = sandbox.client("dynamodb").get_paginator("scan").paginate(TableName=os.environ["ORDER_TABLE"])
    return {row["id"]["S"]: row["cents"]["N"] for page in pages for row in page["Items"]}


def empty(sandbox: Any) -> None:
    """Delete what a batch before has put into the table."""
    for order in rows(sandbox):
        sandbox.client("dynamodb").delete_item(TableName=os.environ["ORDER_TABLE"], Key={"id": {"S": order}})


def test_a_batch_puts_every_order_of_the_file_into_the_table(sandbox: Any, run_batch: Any) -> None:
    empty(sandbox)
    result, _, failures = run_batch(ORDERS, tolerated_failure_percentage=1)
    assert (result.status, result.succeeded, result.chunks) == ("SUCCEEDED", 120, 3)
    assert failures == {"o121": "InvalidOrder: cents: 'ten' must be a whole number"}
    with ORDERS.open(newline="") as file:
        assert rows(sandbox) == {row["id"]: row["cents"] for row in csv.DictReader(file) if row["id"] != "o121"}
