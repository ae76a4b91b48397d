"""The Step Functions interpreter, mended where a Distributed Map of many children needs it.

Stock LocalStack 4.14.0 handles the children of a slot by recursion (RecursionError near 1,000 of them, and the Map runs
for ever), starts a thread per child when `MaxConcurrency` is unset, swallows failed children, and makes a new boto3
client and a new JSONPath parser for every task.
"""

from typing import Any

from localstack.services.plugins import Service


def install() -> None:
    """Mend the interpreter when this engine loads it: with its first use, because loading it takes over a second."""
    stock = Service.for_provider

    def for_provider(provider: Any, *args: Any, **kwargs: Any) -> Service:
        if provider.service == "stepfunctions":
            from sandbox.step_functions import executions, interpreter, metering, shortcuts, status_events

            for module in (shortcuts, interpreter, executions, status_events, metering):
                module.install()
        return stock(provider, *args, **kwargs)

    Service.for_provider = staticmethod(for_provider)  # type: ignore[method-assign]
