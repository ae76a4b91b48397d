"""Which sandbox and which stacks a command means, whatever AWS settings its user has."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.state import REPOSITORY, Sandbox
from tests.canary import HOSTILE, canary_home, of_a_user
from tests.e2e.command_line import ARCHITECTURES, Rollcall
from tests.e2e.stacks import Stacks


def test_other_clients_find_the_sandbox_by_the_variables_and_none_of_the_users_settings(
    rollcall: Rollcall, stacks: Stacks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "config").write_text("[default]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:9\n")
    users = {
        "AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "t", "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
    }  # fmt: skip
    for name, value in users.items():
        monkeypatch.setenv(name, value)
    (variables, _), (back, _) = rollcall("env"), rollcall("env", "--unset")
    calls = f"""
    eval "$1"
    {sys.executable} -c 'import boto3; print(boto3.client("sqs").list_queues()["QueueUrls"])'
    aws dynamodb list-tables
    eval "$2"
    env
    """
    shell = ["bash", "-ec", calls, "bash", variables, back]
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    done = subprocess.run(shell, capture_output=True, text=True, check=True).stdout
    assert stacks.sqs["ChunkQueueUrl"] in done
    assert stacks.sqs["TableName"] in done
    assert "AWS_" not in done


@pytest.mark.docker
def test_an_engine_that_is_not_this_checkouts_is_used_where_its_port_is_asked_for_and_told(
    rollcall: Rollcall, monkeypatch: pytest.MonkeyPatch
):
    rollcall.place[1] = "--project=another"
    out, err = rollcall("status", "--json")
    assert json.loads(out)["engine"] is None
    assert "is not the sandbox 'another' of this checkout; it is used since --port names its port" in err
    port, rollcall.place[0] = rollcall.place[0], "--suffix="
    # The sandbox in Docker is started by its environment, which would ask for its port.
    monkeypatch.delenv("ROLLCALL_PORT", raising=False)
    _, err = rollcall("status", expect=2)
    assert "no sandbox 'another' of this checkout is running" in err
    monkeypatch.setenv("ROLLCALL_PORT", port.partition("=")[2])
    assert "since --port names its port" in rollcall("meter")[1]


@pytest.mark.parametrize("name", [name for name in HOSTILE if HOSTILE[name].files or "profile" in name])
def test_no_aws_setting_of_the_user_stops_a_command_of_the_sandbox(rollcall: Rollcall, tmp_path: Path, name: str):
    home = canary_home(tmp_path / "home", name)
    assert json.loads(rollcall.process("status", "--json", environment=of_a_user(home, name)))["engine"]


@pytest.fixture
def everything_hostile(tmp_path: Path) -> dict[str, str]:
    """Every hostile setting at once, in files and in the environment."""
    return of_a_user(canary_home(tmp_path / "home", "everything in the config"), *HOSTILE)


@ARCHITECTURES
def test_a_batch_runs_whatever_the_users_aws_settings_are(
    rollcall: Rollcall, everything_hostile: dict[str, str], architecture
):
    (rollcall.folder / "orders.jsonl").write_text('{"id": "one", "value": 0}')
    words = ("run", architecture, "--input=orders.jsonl", "--json")
    result = json.loads(rollcall.process(*words, environment=everything_hostile))
    assert (result["status"], result["succeeded"]) == ("SUCCEEDED", 1)
    assert rollcall.process("bill", result["batchId"], environment=everything_hostile)


def test_bootstrap_works_whatever_the_users_aws_settings_are(
    sandbox: Sandbox, stacks: Stacks, everything_hostile: dict[str, str]
):
    ended = subprocess.run(
        [sys.executable, "-m", "bootstrap", "destroy", "--suffix", f"{stacks.suffix}-none"],
        cwd=REPOSITORY,
        env={
            **everything_hostile,
            "ROLLCALL_PROJECT": sandbox.project,
            "ROLLCALL_PORT": str(sandbox.port),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_stacks_that_are_not_deployed_are_named(sandbox: Sandbox, tmp_path: Path):
    elsewhere = Rollcall(sandbox, "Nowhere", tmp_path)
    for words in (
        ["run", "sqs"],
        ["run", "sfn"],
        ["trigger", "sqs"],
        ["status"],
        ["logs"],
        ["watch", "b"],
        ["cancel", "b"],
    ):
        _, err = elsewhere(*words, expect=2)
        assert "Nowhere is not deployed" in err
        assert "rollcall up" in err
