"""No process of a function outlives the engine, even if it is killed."""

import os
import signal
from functools import cache
from pathlib import Path

import boto3
import psutil
import pytest

from tests.e2e.engines import native_engine
from tests.e2e.executor_deploy import create
from tests.probes import eventually


@pytest.fixture(autouse=True)
def natively(engine: str) -> None:
    if engine != "native":
        pytest.skip("about the processes of this machine")


def test_no_process_outlives_an_engine_that_is_killed() -> None:
    with native_engine() as sandbox:
        session = boto3.Session()
        aws = cache(lambda service: session.client(service, endpoint_url=sandbox.endpoint))
        processes = create(aws, "keep_daemon").invoke().payload.values()
        assert all(Path(f"/proc/{pid}").exists() for pid in processes)
        os.kill(_engine_process(sandbox.port), signal.SIGKILL)

        def gone() -> None:
            assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]

        eventually(gone)


def _engine_process(port: int) -> int:
    listening = [each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
    return next(each.pid for each in listening if each.laddr.port == port)
