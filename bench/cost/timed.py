"""The engine with a clock in every hook of the meter: how long it counts, while `bench.cost.unmetered` does not."""

from typing import Any

from localstack.services.edge import ROUTER

from bench.cost.hook_clock import PATH, HookClock
from sandbox import meter
from sandbox.dynamodb import metering
from sandbox.engine.__main__ import main
from sandbox.meter import calls
from sandbox.meter.functions import FunctionMeter

CLOCK = HookClock()


def clock_hooks() -> None:
    """Put the clock into what counts API calls, items of DynamoDB, invocations and log lines; serve its seconds."""
    route = calls._route
    calls._route = CLOCK.hook(lambda stock, *arguments: route(CLOCK.let_through(stock), *arguments))
    metered = metering.metered
    metering.metered = CLOCK.hook(
        lambda context, request, carry_out: metered(context, request, CLOCK.let_through(carry_out))
    )
    for name in ("begin", "log", "end"):
        setattr(FunctionMeter, name, CLOCK.hook(getattr(FunctionMeter, name)))
    install = meter.install

    def install_and_serve() -> None:
        install()
        ROUTER.add(PATH, show, methods=["GET"])  # type: ignore[arg-type]

    meter.install = install_and_serve


def show(request: Any) -> Any:
    """The seconds since the engine's start."""
    return {"seconds": CLOCK.seconds}


if __name__ == "__main__":
    clock_hooks()
    main()
