"""How far the model goes: a few thousand steps by default, ROLLCALL_MODEL=nightly for many times as many."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
settings.register_profile(
    "model",
    max_examples=300,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=SLOW_IS_FINE,
)
settings.register_profile(
    "nightly",
    max_examples=3_000,
    stateful_step_count=60,
    deadline=None,
    print_blob=True,
    suppress_health_check=SLOW_IS_FINE,
)


@pytest.fixture(scope="session")
def nightly(pytestconfig: pytest.Config) -> bool:
    """Whether to go far."""
    return "nightly" in (os.environ.get("ROLLCALL_MODEL"), pytestconfig.getoption("--hypothesis-profile", None))


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """`report(line)` puts a line at the end of the run's output: how much was tried."""
    return lambda line: record_property("model", line)
