"""On a machine that several people use, a native sandbox is its own user's only."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox.host import control
from sandbox.state import Sandbox, state_folder
from tests import strangers
from tests.e2e.engines import native_engine
from tests.e2e.executor_deploy import Function
from tests.probes import consistently
from tests.requirements import lacking
from tests.security.requests import Request, send
from tests.security.test_browsers import PAGE, assert_refused, by_get

NEXT = "/2018-06-01/runtime/invocation/next"


@pytest.fixture(scope="module", autouse=True)
def natively(engine: str) -> None:
    if engine != "native":
        pytest.skip("a published port of a container is any user's: docs/fidelity.md")


def dialled(port: int, uid: int) -> socket.socket:
    """A connection that the kernel takes for that user's."""
    if os.geteuid() != 0:
        lacking("root", "only root can act as another user")
    connection = strangers.made_by(uid, socket.AF_INET)
    connection.settimeout(5)
    connection.connect(("127.0.0.1", port))
    return connection


def asked(port: int, request: Request, uid: int) -> bytes:
    """What comes back of a request, however the connection ends."""
    with dialled(port, uid) as connection:
        try:
            connection.sendall(request.encoded(port))
            return connection.recv(65536)
        except ConnectionError:
            return b""


def left(port: int, request: Request, uid: int) -> None:
    """Send a request and hang up at once: the kernel calls a socket that nobody holds any more root's."""
    with dialled(port, uid) as connection:
        connection.sendall(request.encoded(port))


@pytest.fixture
def function(deploy: Callable[..., Function]) -> Function:
    return deploy("runtime_api", Timeout=5)


@pytest.fixture
def engine_process(sandbox: Sandbox) -> psutil.Process:
    record = state_folder(sandbox.project) / "engine.pid"
    return psutil.Process(int(record.read_text().split()[0]))


@pytest.fixture
def ports(engine_process: psutil.Process, function: Function) -> set[int]:
    """Every port on which the engine or one of its processes listens, one of a function's Runtime API among them."""
    runtime_port = int(function.invoke().payload.rpartition(":")[2])
    family = [engine_process, *engine_process.children(recursive=True)]
    listening = {
        connection.laddr
        for process in family
        for connection in process.net_connections("all")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert runtime_port in {address.port for address in listening}
    return {address.port for address in listening}


def test_another_user_gets_no_answer_on_any_port(sandbox: Sandbox, ports: set[int]):
    health = Request(target="/_rollcall/health")
    assert b"200 OK" in asked(sandbox.port, health, os.geteuid())
    for port in ports:
        for request in (health, Request(target=NEXT), by_get("ListQueues")):
            assert asked(port, request, strangers.UID) == b""


def test_another_user_who_hangs_up_at_once_is_not_taken_for_root(sandbox: Sandbox, aws):
    for _ in range(50):
        left(sandbox.port, by_get("CreateQueue", QueueName="from-nobody"), strangers.UID)
    consistently(lambda: _assert_no_queue(aws, "from-nobody"), during=0.5)


def _assert_no_queue(aws: Callable[[str], Any], name: str) -> None:
    assert "QueueUrls" not in aws("sqs").list_queues(QueueNamePrefix=name)


def test_a_page_gets_nothing_on_any_port(ports: set[int]):
    for port in ports:
        [answer, foreign] = send(port, Request(target=NEXT, headers=PAGE), Request(target=NEXT, host="evil.example"))
        assert (answer.status, foreign.status) == (403, 403)


def asked_for_an_invocation_and_left(port: int) -> None:
    """As the user who may: the first answer shows that the connection was taken."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"404" in connection.recv(65536)
        connection.sendall(Request(target=NEXT).encoded(port))


def test_who_asks_for_an_invocation_and_hangs_up_takes_none_with_it(function: Function):
    for _ in range(3):
        port = int(function.invoke().payload.rpartition(":")[2])
        left(port, Request(target=NEXT), strangers.UID)
        asked_for_an_invocation_and_left(port)
        for _ in range(2):  # the first one may still go to who asked first
            answer = function.invoke()
            assert (answer.error, answer.payload) == (None, f"127.0.0.1:{port}")


def test_what_the_sandbox_writes_is_its_users_alone_and_in_its_own_folders(
    sandbox: Sandbox, aws, engine_process: psutil.Process, function: Function
):
    aws("s3").create_bucket(Bucket="own-folder")
    aws("s3").put_object(Bucket="own-folder", Key="large", Body=b"x" * 2_000_000)
    function.invoke()
    folder = state_folder(sandbox.project)
    temporary = Path(engine_process.environ()["TMPDIR"])
    for own in (folder, temporary):
        assert (own.stat().st_uid, own.stat().st_mode & 0o777) == (os.geteuid(), 0o700)
    assert list(folder.rglob("s3/own-folder")), "S3's objects lie elsewhere"
    opened = {Path(os.readlink(link)) for link in Path(f"/proc/{engine_process.pid}/fd").iterdir()}
    written = {path for path in opened if path.is_absolute() and path.is_relative_to("/tmp")}
    assert all(path.is_relative_to(temporary) or path.is_relative_to(folder) for path in written)


def test_a_function_finds_nobodys_aws_settings(deploy: Callable[..., Function], sandbox: Sandbox):
    seen = deploy("settings_found").invoke().payload
    assert seen["home"] not in (os.path.expanduser("~"), os.environ.get("HOME"))
    assert seen["profiles"] == []
    assert seen["files"] == [os.devnull, os.devnull]
    assert seen["endpoint"] == sandbox.endpoint
    assert seen["mode"] == "0o700"


@pytest.fixture(scope="module")
def own() -> Iterator[Sandbox]:
    """An engine of these tests' own, whose user allows some hosts."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ROLLCALL_ALLOWED_HOSTS", "rollcall.test, Sandbox")
        with native_engine() as started:
            yield started


def test_the_hosts_a_user_allows_are_answered_and_no_others(own: Sandbox):
    health = Request(target="/_rollcall/health")
    for host in ("rollcall.test:{port}", "sandbox"):
        allowed = Request(target="/_rollcall/health", host=host)
        assert send(own.port, allowed)[0].status == 200
        assert_refused(own, allowed.with_headers(*PAGE))
    assert_refused(own, Request(target=health.target, host="other.test"))


def test_the_temporary_folder_goes_with_the_engine(own: Sandbox):
    link = state_folder(own.project) / "tmp"
    temporary = link.resolve()
    assert temporary.is_dir()
    control.stop(own.project)
    assert not temporary.exists()
    assert not link.is_symlink()
