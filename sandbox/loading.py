"""LocalStack loads a service with its first use, because that takes a while: what mends it is hooked in just then."""

from collections.abc import Callable
from typing import Any

from localstack.services.plugins import Service


def when_loaded(service: str, mend: Callable[[Any], None]) -> None:
    """Call `mend(provider)` with the provider of `service` (botocore's name), before it serves its first request."""
    stock = Service.for_provider

    def for_provider(provider: Any, *args: Any, **kwargs: Any) -> Service:
        if provider.service == service:
            mend(provider)
        return stock(provider, *args, **kwargs)

    Service.for_provider = staticmethod(for_provider)  # type: ignore[method-assign]
