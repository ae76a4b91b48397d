"""The Step Functions interpreter, corrected where Maps with many children, or EXPRESS ones, need it.

Stock LocalStack 4.14.0 handles the children of a slot by recursion: near 1,000 of them it raises RecursionError, and
the Map never ends. It starts a thread per child if `MaxConcurrency` is unset, ignores failed children, and makes a new
boto3 client and a new JSONPath parser for every task.
"""

from typing import Any


def install(_provider: Any) -> None:
    """Correct the interpreter, which the engine has just loaded."""
    from sandbox.step_functions import (
        children,
        definitions,
        executions,
        express,
        inline_maps,
        interpreter,
        lagging,
        log_streams,
        metering,
        page_tokens,
        shortcuts,
        state_threads,
        waits,
    )

    interpreted = (shortcuts, express, interpreter, inline_maps, definitions)
    for module in (
        *interpreted,
        executions,
        children,
        lagging,
        log_streams,
        page_tokens,
        metering,
        waits,
        state_threads,
    ):
        module.install()
