"""The native engine as a process: what it sees, what it leaves behind, and how its death is noticed."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import boto3
import psutil
import pytest

from sandbox.host import control, native
from sandbox.state import Sandbox, SandboxError, state_folder
from tests.e2e.engines import free_port, native_engine, own_name
from tests.e2e.executor_deploy import create
from tests.faults import Faults
from tests.probes import eventually


@pytest.fixture(scope="module", autouse=True)
def natively(engine: str) -> None:
    if engine != "native":
        pytest.skip("about the native engine")


def listener(port: int) -> psutil.Process:
    """The process that listens on `port`."""
    open_ports = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    return psutil.Process(next(c.pid for c in open_ports if c.laddr.port == port))


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """An engine of these tests' own, whose user has settings and a home of theirs."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_PROFILE", "production")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "a-real-secret")
        environment.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
        environment.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        with native_engine() as started:
            environment.undo()
            yield started


@pytest.fixture
def own(started: Sandbox) -> Sandbox:
    """It, started again if a test has ended it."""
    return control.start("native", started.port, started.project)


def test_what_the_engine_calls_itself_needs_no_connection(own: Sandbox) -> None:
    session = boto3.Session("test", "test", region_name="us-east-1")
    sqs, sfn, iam = (session.client(name, endpoint_url=own.endpoint) for name in ("sqs", "stepfunctions", "iam"))
    queue, name = sqs.create_queue(QueueName="told")["QueueUrl"], own_name()
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    tell = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True}
    tell["Parameters"] = {"QueueUrl": queue, "MessageBody": "called"}
    definition = json.dumps({"StartAt": "Tell", "States": {"Tell": tell}})
    machine = sfn.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"]
    sfn.start_execution(stateMachineArn=machine)
    [message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    assert message["Body"] == "called"
    assert not [c for c in listener(own.port).net_connections("tcp") if c.raddr and c.raddr.port == own.port]


def test_a_healthy_engine_has_loaded_what_the_stacks_use(own: Sandbox) -> None:
    with urllib.request.urlopen(f"{own.endpoint}/_localstack/health") as answer:
        services = json.load(answer)["services"]
    late = {"cloudwatch", "kms", "secretsmanager", "sns", "ssm"}
    assert {name for name, state in services.items() if state == "running"} >= services.keys() - late


def test_it_sees_nothing_of_the_users_settings(own: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> None:
    seen = listener(own.port).environ()
    assert not [name for name in seen if name.startswith("AWS_") or name.endswith("PROXY")]
    assert not seen["HOME"].startswith(str(tmp_path_factory.getbasetemp())), "boto3 would read ~/.aws there"


def test_a_number_that_went_to_another_process_is_not_taken_for_the_engine(own: Sandbox) -> None:
    record = state_folder(own.project) / "engine.pid"
    mine = record.read_text()
    record.write_text(f"{os.getpid()} {own.port}\n")
    assert control.stop(own.project) is None, "this very test's process must not be stopped"
    record.write_text(mine)


def test_stopping_leaves_no_process(own: Sandbox) -> None:
    leader = listener(own.port)
    family = [leader, *leader.children(recursive=True)]
    control.stop(own.project)
    assert [process for process in family if process.is_running()] == []


def test_a_killed_engine_takes_its_functions_along_is_noticed_and_started_again(own: Sandbox) -> None:
    session = boto3.Session()
    aws = cache(lambda service: session.client(service, endpoint_url=own.endpoint))
    processes = create(aws, "keep_daemon").invoke().payload.values()
    assert all(Path(f"/proc/{pid}").exists() for pid in processes)
    os.kill(listener(own.port).pid, signal.SIGKILL)

    def gone() -> None:
        assert control.running(own.project) is None
        assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]

    eventually(gone)
    assert control.start("native", own.port, own.project).healthy()


def test_its_own_clients_need_no_connection(own: Sandbox) -> None:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    stacks = session.client("cloudformation", endpoint_url=own.endpoint)
    template = '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "Bucket": {"Type": "AWS::S3::Bucket"}}}'
    stacks.create_stack(StackName="own-clients", TemplateBody=template)
    stacks.get_waiter("stack_create_complete").wait(StackName="own-clients", WaiterConfig={"Delay": 1})
    to_itself = [c for c in listener(own.port).net_connections("tcp") if c.raddr and c.raddr.port == own.port]
    assert to_itself == []


def test_an_orderly_end_answers_the_calls_that_have_begun(own: Sandbox) -> None:
    faults = Faults(own.endpoint)
    faults.put({"seed": 1, "faults": [{"kind": "delay", "operation": "ListQueues", "seconds": 2}]})
    client = http.client.HTTPConnection("127.0.0.1", own.port, timeout=10)
    client.request("GET", "/?Action=ListQueues")
    eventually(lambda: _assert_one(faults.report()["injected"]))
    engine = listener(own.port)
    engine.terminate()
    assert client.getresponse().status == 200
    engine.wait(timeout=8)


def _assert_one(injected: dict[str, int]) -> None:
    assert sum(injected.values()) == 1


def test_every_socket_of_it_listens_on_loopback_only(sandbox: Sandbox) -> None:
    leader = listener(sandbox.port)
    family = [leader, *leader.children(recursive=True)]
    listening = [c for process in family for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}


def test_an_engine_that_dies_at_its_start_shows_the_end_of_its_log() -> None:
    name = own_name()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=rf"(?s)ended with exit code 1.*{port}.*already in use"):
            native.start(name, port, progress=print)
    shutil.rmtree(state_folder(name))


def test_an_engine_whose_extension_cannot_be_imported_does_not_start(tmp_path: Path) -> None:
    port = free_port()
    broken = "import sys; sys.modules['sandbox.engine.hooks'] = None; from sandbox.engine.__main__ import main; main()"
    environment = native.environment(port, tmp_path, tmp_path)
    ended = subprocess.run([sys.executable, "-c", broken], env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "ModuleNotFoundError: import of sandbox.engine.hooks halted" in ended.stderr
