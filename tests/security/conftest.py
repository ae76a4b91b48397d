"""The attacks run against one engine, of the kind that `--engine` names."""

from tests.e2e.conftest import (
    aws,
    clock,
    engine,
    pytest_runtest_makereport,
    pytest_xdist_make_scheduler,
    sandbox,
)
from tests.e2e.executor_deploy import deploy

__all__ = ["aws", "clock", "deploy", "engine", "pytest_runtest_makereport", "pytest_xdist_make_scheduler", "sandbox"]
