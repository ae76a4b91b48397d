"""The process executor reports a function that fails, dies, hangs or takes too much as AWS does."""

import re
import signal
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.probes import eventually

pytest_plugins = ("tests.e2e.executor_deploy",)
pytestmark = pytest.mark.docker


@pytest.fixture(scope="module", autouse=True)
def endless_init(deploy):
    """Under way during the other tests of this module: AWS gives an init ten seconds."""
    function = deploy(source="import time; time.sleep(3600)", Timeout=1)
    with ThreadPoolExecutor(1) as caller:
        yield caller.submit(function.invoke)


def test_an_exception_of_the_handler_is_returned_with_its_type_message_and_stack(deploy):
    function = deploy("fail")
    answer = function.invoke()
    assert answer.error == "Unhandled"
    assert (answer.payload["errorType"], answer.payload["errorMessage"]) == ("LookupError", "no such thing")
    assert 'in fail\n    raise LookupError("no such thing")' in answer.payload["stackTrace"][-1]
    assert answer.payload["requestId"] == answer.request_id
    assert answer.report().endswith("Status: error\tError Type: LookupError")


@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        ("import nothing_of_this_name", "app.handler", "Runtime.ImportModuleError", "nothing_of_this_name"),
        ("def other(): pass", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("def (", "app.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("raise KeyError('boom')", "app.handler", "KeyError", "'boom'"),
        ("x = 1", "app", "Runtime.MalformedHandlerName", "Bad handler 'app'"),
        ("import sys; sys.exit(4)", "app.handler", "Runtime.ExitError", "exit status 4"),
        ("import os; os._exit(0)", "app.handler", "Runtime.ExitError", "without providing a reason"),
    ],
)
def test_a_failed_init_is_the_result_of_the_invocation(deploy, source, handler, error_type, message):
    function = deploy(source=source, Handler=handler)
    answer = function.invoke()
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == error_type
    assert message in answer.payload["errorMessage"]
    assert re.search(
        rf"INIT_REPORT Init Duration: .* ms\tPhase: init\tStatus: error\tError Type: {error_type}", answer.log
    )


def test_an_init_that_failed_is_tried_again_by_the_next_invocation(deploy):
    marker = f"/tmp/{uuid.uuid4().hex}"
    source = f"""
import os, pathlib
marker = pathlib.Path({marker!r})
if not marker.exists():
    marker.touch()
    raise RuntimeError("the first time")
def handler(event, context): marker.unlink()
"""
    function = deploy(source=source)
    assert function.invoke().payload["errorMessage"] == "the first time"
    assert function.invoke().error is None


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"code": 3}, "Runtime exited with error: exit status 3"),
        ({"code": 0}, "Runtime exited without providing a reason"),
        ({"signal": signal.SIGKILL}, "Runtime exited with error: signal: killed"),
    ],
)
def test_a_process_that_dies_is_an_exit_error_and_leaves_its_log(deploy, order, reason):
    function = deploy("leave")
    answer = function.invoke(order)
    assert answer.error == "Unhandled"
    message = f"RequestId: {answer.request_id} Error: {reason}"
    assert answer.payload == {"errorType": "Runtime.ExitError", "errorMessage": message}
    assert f"last words\n{message}\nRuntime.ExitError\nEND " in answer.log


def test_a_dead_environment_is_replaced(deploy):
    source = """
import os, threading
def handler(event, context):
    if event.get("die") == "now": os._exit(1)
    if event.get("die") == "later": threading.Timer(0.2, os._exit, (1,)).start()
    return os.getpid()
"""
    function = deploy(source=source)
    first = function.invoke().payload
    assert function.invoke({"die": "now"}).error == "Unhandled"
    second = function.invoke({"die": "later"}).payload
    assert second != first

    def replaced():
        answer = function.invoke()
        assert answer.error is None
        assert answer.payload != second

    eventually(replaced)


def test_a_function_that_exceeds_its_timeout_is_killed_with_everything_it_started(deploy):
    hanging, probe = deploy("hang", Timeout=3), deploy("running")
    answer = hanging.invoke()
    assert answer.error == "Unhandled"
    message = f"RequestId: {answer.request_id} Error: Task timed out after 3.00 seconds"
    assert answer.payload == {"errorType": "Sandbox.Timedout", "errorMessage": message}
    assert f"{answer.request_id} Task timed out after 3.00 seconds" in answer.log
    assert answer.report().endswith("Status: timeout")
    eventually(lambda: _assert_gone(probe, [_daemon_in(answer.log)]))


def test_what_a_dying_function_had_started_is_killed(deploy):
    dying, probe = deploy("die_with_daemon"), deploy("running")
    eventually(lambda: _assert_gone(probe, [_daemon_in(dying.invoke().log)]))


def test_an_environment_of_a_deleted_function_is_stopped(deploy, aws):
    deleted, probe = deploy("keep_daemon"), deploy("running")
    processes = list(deleted.invoke().payload.values())
    assert probe.invoke(processes).payload == processes
    aws("lambda").delete_function(FunctionName=deleted.name)
    eventually(lambda: _assert_gone(probe, processes))


def test_a_function_that_takes_more_than_its_memory_is_killed(deploy):
    function = deploy("take_memory", MemorySize=128)
    answer = function.invoke()
    assert answer.payload["errorType"] == "Runtime.ExitError"
    assert answer.payload["errorMessage"].endswith("signal: killed")
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB" in answer.report()


def test_where_memory_is_short_the_largest_process_goes_and_the_function_lives_on(deploy):
    function = deploy("take_memory_in_a_child", MemorySize=128)
    answer = function.invoke()
    assert (answer.error, answer.payload) == (None, -signal.SIGKILL)
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB" in answer.report()
    assert function.invoke().payload == -signal.SIGKILL


def test_a_function_is_frozen_with_all_that_it_has_started(deploy, plan):
    function = deploy("pause_of_a_child")
    assert function.invoke().payload < 0.5
    plan({"kind": "freeze", "function": function.name, "seconds": 1, "milliseconds": 500})
    assert function.invoke().payload > 0.9


def test_no_peak_of_memory_is_too_short_to_be_seen(deploy):
    function = deploy("take_memory_for_a_moment", MemorySize=128)
    assert function.invoke({"bytes": 20_000_000}).payload == 20_000_000
    assert function.invoke({"bytes": 140_000_000}).payload["errorMessage"].endswith("signal: killed")


def test_one_huge_allocation_is_refused(deploy):
    function = deploy("take_everything_at_once")
    assert function.invoke().payload["errorType"] == "MemoryError"


def test_an_init_that_never_ends_times_out(endless_init):
    answer = endless_init.result()
    assert answer.payload["errorType"] == "Sandbox.Timedout"
    assert "Phase: init\tStatus: timeout" in answer.log


def _daemon_in(log: str) -> int:
    return int(re.search(r"^daemon (\d+)$", log, re.MULTILINE)[1])


def _assert_gone(probe, processes):
    assert probe.invoke(processes).payload == []
