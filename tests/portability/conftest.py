"""One MiniStack for the whole run, with both stacks, deployed as to an account of AWS: boto3 is told where it is."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from bench.engine import Engine
from bench.ministack.engine import ministack, require_installed
from bench.ministack.workarounds import work_around
from bootstrap.deploy import StackOutputs, deploy
from bootstrap.problem import Problem
from bootstrap.stacks import SANDBOX_PARAMETERS
from rollcall.target.connection import Connection
from sandbox.host.native import tail
from tests.portability.observed import Observed, observe
from tests.portability.stacks import PARAMETERS, PortableStacks, work_folder
from tests.portability.under_way import UnderWay, start

LOG = pytest.StashKey[Path]()


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config) -> Iterator[Engine]:
    """MiniStack, to which AWS's own variable for an endpoint leads every client of these tests."""
    try:
        require_installed()
    except Problem as missing:
        pytest.exit(f"{missing}: {missing.hint}", returncode=2)
    with ministack(print) as started, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", started.endpoint)
        pytestconfig.stash[LOG] = started.log
        yield started


@pytest.fixture(scope="session")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the functions' work writes what it is called for."""
    return tmp_path_factory.mktemp("witness")


@pytest.fixture(scope="session")
def deployed(engine: Engine, witness: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, StackOutputs]:
    """Both stacks, by our own bootstrap, with a session of boto3's: so it takes MiniStack for AWS."""
    architecture = {"CpuArchitecture": SANDBOX_PARAMETERS["CpuArchitecture"]}  # dependencies are this machine's
    results = {"ResultsBucket": "rollcall-portability-results"}
    boto3.client("s3").create_bucket(Bucket=results["ResultsBucket"])
    return deploy(
        boto3.Session(),
        parameters=PARAMETERS | architecture | results,
        work=work_folder(tmp_path_factory.mktemp("works") / "portability", witness),
    )


@pytest.fixture(scope="session")
def as_deployed(engine: Engine, deployed: dict[str, StackOutputs], witness: Path) -> Iterator[PortableStacks]:
    """The stacks before anything is worked round. At the end no batch may have finished twice."""
    results = deployed["sqs"].parameters["ResultsBucket"]
    stacks = PortableStacks(Connection(boto3.Session(), ""), deployed, results, witness)
    stacks.subscribe()
    yield stacks
    stacks.assert_nothing_came_later()


@pytest.fixture(scope="session")
def observed(engine: Engine, as_deployed: PortableStacks) -> Observed:
    """What became of a batch in each architecture, before anything is worked round."""
    return observe(engine, as_deployed)


@pytest.fixture(scope="session")
def stacks(observed: Observed, as_deployed: PortableStacks) -> PortableStacks:
    """The stacks, after what works round MiniStack's own faults."""
    work_around(as_deployed.connection)
    return as_deployed


@pytest.fixture(scope="session")
def under_way(stacks: PortableStacks) -> UnderWay:
    """Batches that take long: test_batches.py has them started before its first test."""
    return start(stacks)


@pytest.fixture(scope="session")
def aws(engine: Engine) -> Callable[[str], Any]:
    """`aws("lambda")` is the boto3 client of that service in MiniStack."""
    return boto3.Session().client


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """Show the end of MiniStack's log with every failure."""
    report = yield
    if report.failed and LOG in item.config.stash:
        report.sections.append(("End of MiniStack's log", tail(item.config.stash[LOG])))
    return report
