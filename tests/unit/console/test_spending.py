"""What looking costs on AWS is counted call by call, and told on each page."""

from types import SimpleNamespace

import pytest
from botocore.hooks import HierarchicalEmitter

from costs.facts.prices import PriceBook
from rollcall.console.spending import Spending


def call(session: SimpleNamespace, service: str, operation: str, times: int) -> None:
    model = SimpleNamespace(name=operation, service_model=SimpleNamespace(service_name=service))
    for _ in range(times):
        session.events.emit(f"before-call.{service}.{operation}", model=model, params={})


def test_each_call_has_the_price_of_its_service():
    session = SimpleNamespace(events=HierarchicalEmitter())
    spending = Spending(session)
    call(session, "dynamodb", "Query", 8)
    call(session, "s3", "ListObjectsV2", 2)
    call(session, "stepfunctions", "DescribeExecution", 5)
    book = PriceBook.load()
    spent = book.dollars("dynamodb.read_units", 8) + book.dollars("s3.puts", 2)
    assert spending.calls == 15
    # As if a minute had passed at least: a rate of a few seconds says nothing.
    assert spending.an_hour(book) == pytest.approx(spent * 60)
