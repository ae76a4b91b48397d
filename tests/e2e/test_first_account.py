"""docs/first-account.md: every command of it runs here, in its sandbox form, and shows what must be seen."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from bootstrap.aws import session
from bootstrap.destroy import destroy
from handlers.sfn.express import LIMIT_SECONDS
from sandbox.state import REPOSITORY, Sandbox
from tests.clock import Clock
from tests.documents_commands import commands_in
from tests.faults import Faults

SUFFIX = "Hour"
# So many items do: each command is run, and the sandbox's clock skips what is waited for.
FEWER = {"1000000": "20000", "100000": "2000", "50000": "4000", "20000": "20000", "16000": "800", "10000": "2000",
         "1000": "200"}  # fmt: skip
# As many fewer items of a chunk, and of the seconds of an EXPRESS child.
TIMES = 20


def sandbox_form(command: str, sandbox: Sandbox, told: list[str]) -> str:
    """A command as it is given for a sandbox, with fewer items, and for stacks of a name of their own.

    `told` gets the parameters that are deployed: a sandbox's stack keeps none, and so they are told again.
    """
    command = re.sub(r"--items (\d+)", lambda match: f"--items {FEWER[match[1]]}", command)
    command = command.replace("--items-per-chunk 800", f"--items-per-chunk {800 // TIMES}")
    if command.startswith("python -m bootstrap"):
        before = "".join(told) if " deploy " in command else ""
        told += re.findall(r' --parameter (?:"[^"]+"|\S+)', command)
        return command.replace(" --aws", f" --endpoint {sandbox.endpoint} --suffix {SUFFIX}{before}")
    return command.replace(" --aws", "").replace("BatchProcessing ", f"BatchProcessing{SUFFIX} ")


class Shell:
    """A shell that remembers variables, as the reader's does."""

    def __init__(self, sandbox: Sandbox):
        self._environment = {
            **os.environ, "AWS_ENDPOINT_URL": sandbox.endpoint, "ROLLCALL_PROJECT": sandbox.project,
            "ROLLCALL_PORT": str(sandbox.port), "ROLLCALL_SUFFIX": SUFFIX, "COLUMNS": "200",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }  # fmt: skip

    def run(self, command: str) -> tuple[int, str]:
        """Exit code and output."""
        variable = re.match(r"(\w+)=", command)
        if variable:
            command += f"; echo ${variable[1]}"
        done = subprocess.run(
            ["bash", "-c", command], cwd=REPOSITORY, capture_output=True, text=True, env=self._environment
        )
        if variable:
            self._environment[variable[1]] = done.stdout.strip()
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def printed(sandbox: Sandbox, clock: Clock) -> Iterator[dict[str, list[str]]]:
    """What the commands printed, by the title of their step. All of them ended as the document says."""
    shell, found, told = Shell(sandbox), dict[str, list[str]](), list[str]()
    faults = Faults(sandbox.endpoint)
    faults.put({"seed": 1, "faults": [{"kind": "express-timeout", "seconds": LIMIT_SECONDS / TIMES}]})
    for step, commands in commands_in("docs/first-account.md").items():
        if step.startswith("3."):
            faults.clear()
        found[step] = []
        for command in commands:
            if command.startswith("export "):
                continue
            expected = 1 if command.endswith("# ends FAILED") else 0
            deploys = "bootstrap deploy" in command
            with clock.real() if deploys else nullcontext():
                code, output = shell.run(sandbox_form(command, sandbox, told))
                if deploys:
                    quiet(sandbox)
            assert code == expected, f"{command}\n{output}"
            found[step].append(output)
    yield found
    destroy(session(sandbox.endpoint), SUFFIX)


def quiet(sandbox: Sandbox) -> None:
    """No hourly sweep and no schedule: a clock that skips would never rest."""
    events = session(sandbox.endpoint).client("events")
    for rule in events.list_rules()["Rules"]:
        if f"Processing{SUFFIX}-" in rule["Name"] and "ScheduleExpression" in rule:
            events.disable_rule(Name=rule["Name"])


def of(printed: dict[str, list[str]], step: str) -> list[str]:
    [found] = [outputs for title, outputs in printed.items() if title.startswith(step)]
    return found


def test_both_stacks_run_a_batch(printed: dict[str, list[str]]):
    deployed, *batches, status = of(printed, "1.")
    assert "created" in deployed
    assert all("SUCCEEDED" in batch for batch in batches)
    assert status.count("SUCCEEDED") >= 2


def test_children_that_time_out_are_counted_and_can_be_redriven(printed: dict[str, list[str]]):
    _, _, batch, failures, _, redriven = of(printed, "2.")
    assert "FAILED" in batch
    assert re.search("timed out|TIMED_OUT", failures)
    assert "SUCCEEDED" in redriven


def test_a_cancelled_batch_ends_so(printed: dict[str, list[str]]):
    _, sqs, _, sfn, _ = of(printed, "3.")
    assert "CANCELLED" in sqs
    assert "CANCELLED" in sfn


def test_many_failed_items_and_a_large_file_of_chunks_end(printed: dict[str, list[str]]):
    failed, succeeded = of(printed, "4.")
    assert "FAILED" in failed
    assert "SUCCEEDED" in succeeded


def test_calls_that_lambda_refuses_cost_no_attempt(printed: dict[str, list[str]]):
    assert "SUCCEEDED" in of(printed, "5.")[2]


def test_the_other_modes_run_a_batch(printed: dict[str, list[str]]):
    outputs = of(printed, "6.")
    assert all("SUCCEEDED" in outputs[place] for place in (1, 4, 6))
    # A status event of a STANDARD child would have started one of its own.
    failed = [line.split()[:2] for line in outputs[2].splitlines() if " FAILED " in line]
    assert [name for name, architecture in failed if architecture == "sfn" and name != "timed-out"] == []


def test_destroy_leaves_no_stack(printed: dict[str, list[str]]):
    assert of(printed, "8.")[-1].count("deleted") == 2
