"""Counts what AWS would bill, in its own units, for everything that it does. `endpoint` says how to read it."""


def install() -> None:
    """Count from now on, and serve the sums."""
    # Not at the top: the plan imports `rules` and has none of the engine's packages loaded.
    from sandbox.meter import calls, endpoint

    calls.install()
    endpoint.install()
