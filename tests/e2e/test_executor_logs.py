"""The log of a function in CloudWatch Logs and in LogResult is what AWS writes there."""

import re
from concurrent.futures import ThreadPoolExecutor

from tests.probes import eventually

pytest_plugins = ("tests.e2e.executor_deploy",)


def settled_events(function, reports: int) -> list[list[str]]:
    """The log streams' messages, once so many invocations are reported."""

    def reported():
        streams = function.log_events()
        assert sum(message.startswith("REPORT ") for stream in streams for message in stream) == reports
        return streams

    return eventually(reported)


def test_what_an_invocation_has_logged_can_be_read_as_soon_as_it_has_ended(deploy):
    function = deploy("log")
    for count in range(1, 6):
        function.invoke()
        reports = [line for stream in function.log_events() for line in stream if line.startswith("REPORT ")]
        assert len(reports) == count


def test_an_invocation_is_framed_by_start_end_and_report(deploy):
    function = deploy("log", MemorySize=256)
    cold, warm = function.invoke(), function.invoke()
    (messages,) = settled_events(function, reports=2)
    id = cold.request_id
    assert messages[0] == f"START RequestId: {id} Version: $LATEST\n"
    assert messages[-7:] == messages[len(messages) // 2 :]
    assert messages[5] == f"END RequestId: {id}\n"
    number = r"(\d+\.\d\d)"
    match = re.fullmatch(
        rf"REPORT RequestId: {id}\tDuration: {number} ms\tBilled Duration: (\d+) ms\tMemory Size: 256 MB\t"
        rf"Max Memory Used: (\d+) MB\tInit Duration: {number} ms\t\n",
        messages[6],
    )
    duration, billed, used, init = (float(value) for value in match.groups())
    assert duration + init <= billed < duration + init + 1.02
    assert 5 < used < 256
    assert "Init Duration" not in warm.report()


def test_stdout_stderr_and_logging_are_recorded_and_a_message_of_two_lines_is_one_event(deploy):
    function = deploy("log")
    function.invoke()
    (messages,) = settled_events(function, reports=1)
    own = messages[1:-2]
    assert sorted(own)[-3:] == ["no newline at the end\n", "to stderr\n", "to stdout\n"]
    assert [message for message in own if re.fullmatch(r"\[INFO\]\t.*\tfirst line\nsecond line\n", message)]
    assert len(own) == 4


def test_log_result_is_the_last_4_kb_and_only_of_this_invocation(deploy, aws):
    function = deploy("log_much")
    first = function.invoke({"lines": 3})
    assert first.log.startswith(f"START RequestId: {first.request_id}")
    second = function.invoke({"lines": 1000})
    assert first.request_id not in second.log
    assert len(second.log) == 4096
    assert second.log.splitlines()[-1].startswith("REPORT ")
    assert "line 000999\nEND " in second.log
    response = aws("lambda").invoke(FunctionName=function.name, Payload='{"lines": 1}')
    assert "LogResult" not in response


def test_no_line_of_a_long_log_is_lost_or_out_of_order(deploy):
    function = deploy("log_much")
    function.invoke({"lines": 20_000})
    (messages,) = settled_events(function, reports=1)
    assert messages[1:-2] == [f"line {number:06}\n" for number in range(20_000)]


def test_a_log_can_be_read_while_the_function_still_runs(deploy):
    function = deploy("log_and_wait")
    meeting = function.meeting(2)
    with ThreadPoolExecutor(1) as caller:
        running = caller.submit(function.invoke, meeting)
        eventually(lambda: _assert_logged(function, "written before the end\n"))
        assert not running.done()
        function.invoke(meeting)  # for which it waits


def _assert_logged(function, message):
    assert message in [each for stream in function.log_events() for each in stream]


def test_each_environment_has_a_log_stream_of_its_own(deploy):
    function = deploy("log_and_wait")
    function.meet(3)
    assert [len(stream) for stream in settled_events(function, reports=3)] == [4, 4, 4]


def test_a_deleted_log_group_comes_back_with_the_next_invocation_and_without_the_last_one(deploy, aws):
    function = deploy("log")
    function.invoke()
    aws("logs").delete_log_group(logGroupName=f"/aws/lambda/{function.name}")
    function.invoke()
    assert len(settled_events(function, reports=1)) == 1


def test_a_line_longer_than_an_event_is_cut_between_characters(deploy):
    function = deploy("log_long")
    function.invoke({"characters": 300_000})
    (messages,) = settled_events(function, reports=1)
    parts = messages[1:-2]
    assert len(parts) == 3
    assert "".join(parts) == "é" * 300_000 + "\n"
