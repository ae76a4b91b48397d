"""Meters executions: their transitions, and the cost of each child if it were an EXPRESS execution."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sandbox.meter.account import Account
from sandbox.meter.batch_ids import batch_ids
from sandbox.meter.calls import EXECUTION_HEADER, EXECUTIONS
from sandbox.meter.ledger import Unit
from sandbox.meter.rules import express_billed_ms, express_memory_gb
from sandbox.meter.stacks import STACKS

_running: ContextVar[str | None] = ContextVar("the execution whose state this thread runs", default=None)
_open: dict[str, Account] = {}


def express_gb_seconds(duration_ms: float, definition_bytes: int, payload_bytes: int, steps: int) -> float:
    """Billed duration times memory; `steps` is the number of Map and Parallel states."""
    return express_billed_ms(duration_ms) / 1000 * express_memory_gb(definition_bytes, payload_bytes, steps)


class ChildMeter:
    """One child execution of a Distributed Map, from its start to its end.

    A STANDARD child's own transitions are counted as it makes them. `states.children` counts the transition that AWS
    charges the parent for starting a child.
    """

    def __init__(self, parent_arn: str, arn: str, child_input: Any, definition_bytes: int, steps: int) -> None:
        text = json.dumps(child_input, default=str)
        parent = _open.get(parent_arn)
        self._arn, self._definition_bytes, self._steps = arn, definition_bytes, steps
        self._payload_bytes = len(text)
        self._account = _account(arn, batch_ids(text) or (parent.batches if parent else ()))
        self._account.add("states", [Unit("states.children", "child", 1)])

    def end(self, duration_ms: float) -> None:
        """Count the end of the child, however it ended."""
        memory = express_gb_seconds(duration_ms, self._definition_bytes, self._payload_bytes, self._steps)
        units = [Unit("states.express_requests", "child", 1), Unit("states.express_gb_seconds", "child", memory)]
        self._account.add("states", units)
        ended(self._arn)


def entered(arn: str, execution_input: Any) -> None:
    """Count the entry of an execution or a child into a state, the first or a repeated one."""
    account = _open.get(arn) or _account(arn, batch_ids(json.dumps(execution_input, default=str)))
    # The ARN of a child has the Map's label after the state machine's name.
    kind = "child" if "/" in arn else "parent"
    account.add("states", [Unit("states.transitions", kind, 1)])


def passed_on(arn: str, output: Any) -> None:
    """Note a state's output, which names the batch if nothing did before."""
    account = _open.get(arn)
    if account is not None and account.unnamed:
        account.name(batch_ids(json.dumps(output, default=str)))


def ended(arn: str) -> None:
    """Close the account of the execution or child, which has ended."""
    if account := _open.pop(arn, None):
        account.close()


@contextmanager
def calls_of(arn: str) -> Iterator[None]:
    """Count calls of this thread, and of threads that copy its context, for the execution meanwhile."""
    token = _running.set(arn)
    try:
        yield
    finally:
        _running.reset(token)


def sign(params: dict[str, Any], **_: Any) -> None:
    """Name the execution in a request that one of its states makes. A handler of botocore's `before-call`."""
    if arn := _running.get():
        params["headers"][EXECUTION_HEADER] = arn


def _account(arn: str, batches: tuple[str, ...]) -> Account:
    # arn:aws:states:REGION:ACCOUNT:execution:MACHINE[/LABEL]:NAME
    machine = arn.split(":")[6].partition("/")[0]
    account = Account(STACKS.place("state machine", machine).stack, None, batches)
    _open[arn] = EXECUTIONS[arn] = account
    return account
