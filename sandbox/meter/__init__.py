"""Counts what AWS would bill, in its own units, for everything that it does. `endpoint` says how to read it."""

from sandbox.meter import calls, endpoint


def install() -> None:
    """Count from now on, and serve the sums."""
    calls.install()
    endpoint.install()
