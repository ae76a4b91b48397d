"""One sandbox for a whole end-to-end run: an engine of its own, or one that is already up; and clients of it.

With xdist every worker has an engine of its own, so that its tests have it for themselves as in a run without.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from xdist.remote import Producer

from sandbox.host import control
from sandbox.state import Sandbox
from tests.clock import Clock
from tests.e2e.command_line import rollcall
from tests.e2e.engines import ENGINES
from tests.e2e.stacks import architecture, both_child_types, stacks
from tests.e2e.workers import ModuleScheduling
from tests.faults import Faults, Plan

__all__ = ["architecture", "both_child_types", "rollcall", "stacks"]

OWN_SANDBOX = pytest.StashKey[Sandbox]()


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config) -> str:
    """`native` or `docker`, as `--engine` says."""
    return pytestconfig.getoption("--engine")


@pytest.fixture(scope="session")
def sandbox(pytestconfig: pytest.Config, engine: str) -> Iterator[Sandbox]:
    """The sandbox under test."""
    url = pytestconfig.getoption("--sandbox-endpoint")
    if url:
        found = Sandbox(engine, urlsplit(url).port or 80, control.project())
        assert found.healthy(), f"no sandbox answers at {url}"
        yield found
        return
    with ENGINES[engine]() as started:
        pytestconfig.stash[OWN_SANDBOX] = started
        Clock(started.endpoint).skip(pytestconfig.getoption("--clock") == "skip")
        yield started
        if pytestconfig.stash.get(OWN_SANDBOX, None) == started:  # tests/security has its own in the same run
            del pytestconfig.stash[OWN_SANDBOX]


@pytest.fixture(scope="session")
def clock(sandbox: Sandbox) -> Clock:
    """The clock of the sandbox under test."""
    return Clock(sandbox.endpoint)


@pytest.fixture(scope="module")
def real_time(clock: Clock) -> Iterator[None]:
    """The module's tests do without skipping, as those that deploy whole stacks must: see tests/e2e/deployed.py."""
    with clock.real():
        yield


@pytest.fixture
def undo() -> Iterator[ExitStack]:
    """What is put there is undone at the end."""
    with ExitStack() as undo:
        yield undo


@pytest.fixture(scope="session")
def aws(sandbox: Sandbox) -> Callable[[str], Any]:
    """`aws("sqs")` is the boto3 client of that service in the sandbox, made once per run."""
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    settings = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5, max_pool_connections=50)
    return cache(lambda service: session.client(service, endpoint_url=sandbox.endpoint, config=settings))


@pytest.fixture
def plan(sandbox: Sandbox) -> Iterator[Plan]:
    """`plan({"kind": ...}, ...)` injects faults until the test ends; what it returns tells how many there were."""
    plan = Faults(sandbox.endpoint)

    def put(*faults: dict[str, Any]) -> Callable[[], int]:
        plan.put({"seed": 1, "faults": faults})
        return lambda: sum(plan.report()["injected"].values())

    yield put
    plan.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """Show the end of the engine's log with every failure."""
    report = yield
    if report.failed and OWN_SANDBOX in item.config.stash:
        report.sections.append(("End of the engine's log", control.engine_log(item.config.stash[OWN_SANDBOX])))
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `last` judge what the others did."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ModuleScheduling:
    """Who gets which tests, where there is more than one worker."""
    return ModuleScheduling(config, log)
