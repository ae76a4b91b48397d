"""Counts AWS's billing units for every call, invocation, child execution and log line. `endpoint` serves the sums."""

from sandbox.meter import calls, endpoint


def install() -> None:
    """Count from now on, and serve the sums."""
    calls.install()
    endpoint.install()
