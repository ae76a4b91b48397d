"""Sandboxes of a test's own, on either engine: started, found, started again, kept apart and stopped."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import boto3
import psutil
import pytest

from bootstrap.lock import deploying
from bootstrap.stacks import STACK_NAMES
from sandbox.host import control
from sandbox.state import REPOSITORY, Sandbox, SandboxError
from tests.e2e.engines import ENGINES, free_port, own_name

pytestmark = pytest.mark.docker
TEMPLATE = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}, "Outputs": {"Url": {"Value": {"Ref": "Q"}}}}


@pytest.fixture(scope="module")
def started(engine: str) -> Iterator[Sandbox]:
    """An engine of these tests' own, so that the run's sandbox lives on."""
    with ENGINES[engine]() as started:
        yield started


@pytest.fixture
def own(started: Sandbox) -> Sandbox:
    """It, started again if a test has stopped it."""
    return control.start(started.engine, started.port, started.project)


def queues(sandbox: Sandbox) -> list[str]:
    return boto3.client("sqs", endpoint_url=sandbox.endpoint).list_queues().get("QueueUrls", [])


def make_queue(sandbox: Sandbox) -> str:
    return boto3.client("sqs", endpoint_url=sandbox.endpoint).create_queue(QueueName="here")["QueueUrl"]


def test_a_second_start_returns_the_sandbox_that_is_up(own: Sandbox) -> None:
    url = make_queue(own)
    assert control.start(own.engine, own.port, own.project) == own
    assert queues(own) == [url], "the second start must not have restarted the engine"


def test_a_sandbox_that_is_up_is_not_replaced_by_one_on_another_port(own: Sandbox) -> None:
    with pytest.raises(SandboxError, match=rf"{own.project}.*is up already.*{own.endpoint}.*rollcall down"):
        control.start(own.engine, free_port(), own.project)
    assert own.healthy()


def test_queue_urls_hold_without_dns(own: Sandbox) -> None:
    assert make_queue(own).startswith(f"{own.endpoint}/")


def test_a_stopped_sandbox_is_gone_and_starts_again_empty(own: Sandbox) -> None:
    make_queue(own)
    assert control.stop(own.project) == own
    assert control.running(own.project) is None
    assert not own.healthy()
    assert control.stop(own.project) is None, "stopping what is not up is no error"
    assert control.start(own.engine, own.port, own.project).healthy()
    assert queues(own) == []


def test_dev_ends_with_its_sandbox_and_leaves_no_lock(own: Sandbox) -> None:
    cloudformation = boto3.client("cloudformation", endpoint_url=own.endpoint)
    cloudformation.create_stack(StackName=STACK_NAMES["sqs"], TemplateBody=json.dumps(TEMPLATE))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK_NAMES["sqs"], WaiterConfig={"Delay": 0.1})
    command = [sys.executable, "-m", "rollcall", "dev", f"--port={own.port}", f"--project={own.project}"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout
        assert "watching" in watching.stdout.readline()
        control.stop(own.project)
        _, err = watching.communicate(timeout=30)
    assert (watching.returncode, "the sandbox was stopped: edits are no longer deployed" in err) == (2, True)
    with deploying("rollcall up", own.project):
        pass


def test_two_sandboxes_live_side_by_side(sandbox: Sandbox, own: Sandbox) -> None:
    url = make_queue(own)
    assert url not in queues(sandbox)
    control.stop(own.project)
    assert sandbox.healthy()


def test_a_taken_port_is_named(engine: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=rf"port {port} is not free.*ROLLCALL_PORT"):
            control.start(engine, port, own_name())


def test_only_loopback_reaches_the_engine(sandbox: Sandbox) -> None:
    open_ports = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    assert {c.laddr.ip for c in open_ports if c.laddr.port == sandbox.port} == {"127.0.0.1"}


def test_the_engines_log_is_at_hand(own: Sandbox) -> None:
    assert "Ready." in control.engine_log(own).splitlines()
