"""Faults on demand: what goes wrong on AWS now and then goes wrong here when a plan says so, and is counted.

`PUT /_rollcall/faults` sets a plan (see `plan`), `GET` shows it with what was injected, `DELETE` ends it. The same seed
decides the same for the n-th call of a kind. Without a plan each hook costs one look at an attribute.
"""


def install() -> None:
    """Hook the faults into this engine, and serve their endpoint."""
    # Not at the top: the command line reads plans and has none of the engine's packages loaded.
    from sandbox.faults import calls, endpoint, events, queues

    for module in (calls, queues, events, endpoint):
        module.install()
