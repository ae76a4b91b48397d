"""The attacks run against one engine, of the kind that `--engine` names."""

from tests.e2e.conftest import aws, engine, pytest_runtest_makereport, sandbox

__all__ = ["aws", "engine", "pytest_runtest_makereport", "sandbox"]
