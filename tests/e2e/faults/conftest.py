"""A plan of faults for each test, and what the faults meet."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from sandbox.state import Sandbox
from tests.e2e.faults.parts import CALLER, Inject, request
from tests.e2e.test_pollers import Consumer


@pytest.fixture(autouse=True)
def no_faults(sandbox: Sandbox) -> Iterator[None]:
    """Whatever a test injects ends with it."""
    yield
    assert request(sandbox, "DELETE")[0] == 204


@pytest.fixture
def inject(sandbox: Sandbox) -> Inject:
    """`inject({"kind": ...}, ...)` sets a plan; what it returns answers the report of the first fault."""

    def set_plan(*faults: dict[str, Any], seed: int = 7) -> Callable[[], dict[str, Any]]:
        status, answer = request(sandbox, "PUT", {"seed": seed, "faults": faults})
        assert status == 200, answer
        return lambda: request(sandbox, "GET")[1]["faults"][0]

    return set_plan


@pytest.fixture
def queue(aws: Callable[[str], Any], undo: ExitStack) -> str:
    """URL of a queue that is called like no other."""
    url = aws("sqs").create_queue(QueueName=f"faults-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    undo.callback(aws("sqs").delete_queue, QueueUrl=url)
    return url


@pytest.fixture
def table(aws: Callable[[str], Any], undo: ExitStack) -> str:
    """A table whose key is `id`."""
    name = f"faults-{uuid.uuid4().hex[:8]}"
    aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    undo.callback(aws("dynamodb").delete_table, TableName=name)
    return name


@pytest.fixture(scope="module")
def caller(deploy: Callable[..., Any]) -> Any:
    """A function that makes the call which its event describes."""
    return deploy(source=CALLER)


@pytest.fixture
def consumer(aws: Callable[[str], Any]) -> Iterator[Consumer]:
    """A function with a queue as its event source."""
    made = Consumer(aws, visibility=5)
    yield made
    made.remove()
