"""What a test needs of its machine: without it the test is skipped with the reason, or fails where it is required."""

import os

import pytest


def lacking(what: str, reason: str) -> None:
    """Skip the test for want of `what`, or fail it if the environment has REQUIRE_<WHAT>=1, as in `.ci/run`."""
    variable = f"REQUIRE_{what.upper()}"
    if os.environ.get(variable) == "1":
        pytest.fail(f"{variable}=1, but {reason}")
    pytest.skip(reason)
