"""The Step Functions interpreter, mended where a Distributed Map of many children needs it.

Stock LocalStack 4.14.0 handles the children of a slot by recursion (RecursionError near 1,000 of them, and the Map runs
for ever), starts a thread per child when `MaxConcurrency` is unset, swallows failed children, and makes a new boto3
client and a new JSONPath parser for every task.
"""

from typing import Any

from sandbox.loading import when_loaded


def install() -> None:
    """Mend the interpreter when this engine loads it."""
    when_loaded("stepfunctions", _mend)


def _mend(provider: Any) -> None:
    from sandbox.step_functions import executions, interpreter, item_reader, jsonata, metering, shortcuts, status_events

    for module in (shortcuts, interpreter, item_reader, executions, status_events, metering, jsonata):
        module.install()
