"""Counts AWS's billing units for every call, invocation, child execution and log line. `endpoint` serves the sums."""


def install() -> None:
    """Count from now on, and serve the sums."""
    # Not at the top: the plan imports `rules` and has none of the engine's packages loaded.
    from sandbox.meter import calls, endpoint

    calls.install()
    endpoint.install()
