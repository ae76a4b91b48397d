"""The logs of functions and of the engine, on the command line."""

import json
import signal

import pytest

from sandbox.state import Sandbox
from tests.e2e.command_line import Rollcall, new_id
from tests.e2e.stacks import Stacks
from tests.probes import eventually

# A title, a cleared screen, hidden text, C1, a carriage return, the direction of writing.
ESCAPES = "\x1b]0;title\x07\x1b[2J\x1b[8m\x9b31m\rover \u202e"
ESCAPED = r"\x1b]0;title\x07\x1b[2J\x1b[8m\x9b31m\rover \u202e"


@pytest.mark.docker
def test_logs_are_merged_and_chosen_by_role(rollcall: Rollcall):
    batch = new_id()
    rollcall("run", "sqs", "--items=5", "--batch-id", batch)

    def shown() -> str:
        out, _ = rollcall("logs", "sqs", "--since=1m")
        assert "sqs.batcher" in out
        assert "sqs.processor" in out
        return out

    out = eventually(shown)
    assert "sfn." not in out
    times = [line.split()[0] for line in out.splitlines() if " sqs." in line]
    assert times == sorted(times)
    [finished] = rollcall("logs", "sqs", "--since=1m", "--batch", batch, "--grep", "batch.finished")[0].splitlines()
    assert f"batchId={batch}" in finished
    _, err = rollcall("logs", "sqs.procesor", expect=2)
    assert "sqs.processor" in err


def test_what_an_item_makes_a_function_log_is_shown_not_sent(rollcall: Rollcall, stacks: Stacks, aws):
    group, stream = f"/aws/lambda/{stacks.sqs['ProcessorFunctionName']}", new_id()
    rollcall("run", "sqs", "--items=1")
    messages = [f"plain {ESCAPES}", json.dumps({"level": "INFO", "message": f"json {ESCAPES}", "item": ESCAPES})]
    now = stacks.clock.now_ms()
    aws("logs").create_log_stream(logGroupName=group, logStreamName=stream)
    aws("logs").put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[{"timestamp": now, "message": message} for message in messages],
    )
    out, _ = rollcall("logs", "sqs.processor", "--since=1m")
    assert f"plain {ESCAPED}" in out
    assert f"INFO  json {ESCAPED}  item={ESCAPED}" in out
    assert not set(ESCAPES) & set("\x1b\x07\x9b\r\u202e") & set(out)


def test_the_engines_log_is_shown_not_sent(rollcall: Rollcall, sandbox: Sandbox):
    if not sandbox.log:
        pytest.skip(
            "the log of an engine in Docker cannot be written to from here: see tests/unit/test_sandbox_docker.py"
        )
    with sandbox.log.open("a", newline="") as log:
        log.write(f"before {ESCAPES}\n")
        log.flush()
        assert f"before {ESCAPED}\n" in rollcall("logs", "engine")[0]
        with rollcall.popen("logs", "engine", "--follow") as process:
            assert process.stdout
            for line in process.stdout:
                if f"before {ESCAPED}" in line:
                    break
            log.write(f"after {ESCAPES}\n")
            log.flush()
            for line in process.stdout:
                if "after" in line:
                    break
            process.send_signal(signal.SIGINT)
    assert line == f"after {ESCAPED}\n"
    assert process.returncode == 130
