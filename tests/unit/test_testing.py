"""The pytest plugin for the tests of a work folder, as far as it needs no sandbox; and `rollcall test`."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.badges import build_wheel
from tests.unit.commands import NOWHERE, Cli, refused

ROOT = Path(__file__).parents[2]
WORK = "import os\n\nEVENT = os.environ['EVENT']\n\n\ndef process(item):\n    return EVENT + os.environ['KEY']\n"
SETTINGS = '[environment]\nEVENT = "PyCon "\n\n[secrets]\nKEY = "ssm:/key"\n'

type Tested = Callable[..., tuple[int, str]]


@pytest.fixture
def tested(tmp_path: Path) -> Tested:
    """`tested(test, **files)` writes a work folder with that test, and runs `rollcall test` on it: code and output."""
    folder = tmp_path / "job"

    def run(test: str, *words: str, environment: dict[str, str] | None = None, **files: str) -> tuple[int, str]:
        files = {"work.py": WORK, "rollcall.toml": SETTINGS, ".env": "KEY=secret", "tests/test_it.py": test} | files
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "rollcall", "test", str(folder), *words],
            env={**os.environ, "ROLLCALL_PROJECT": "nobody", **(environment or {})},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_tests_import_the_work_with_the_variables_and_secrets_that_the_functions_have(tested: Tested) -> None:
    test = "from work import process\n\n\ndef test_it():\n    assert process({}) == 'PyCon secret'\n"
    code, out = tested(test, "--", "-q")
    assert (code, "1 passed" in out) == (0, True), out


def test_no_client_of_a_test_reaches_aws_whatever_the_users_settings_are(tested: Tested) -> None:
    test = (
        "import boto3\n\n\ndef test_it():\n    s3 = boto3.client('s3')\n"
        "    assert s3.meta.endpoint_url == 'http://127.0.0.1:4799'\n"
        "    assert boto3.Session().get_credentials().access_key == 'test'\n"
        "    assert boto3.Session().profile_name == 'default'\n"
    )
    mine = {"AWS_PROFILE": "work", "AWS_ACCESS_KEY_ID": "real", "AWS_SESSION_TOKEN": "real", "ROLLCALL_PORT": "4799"}
    mine["AWS_ENDPOINT_URL_S3"] = "https://s3.us-east-1.amazonaws.com"
    code, out = tested(test, environment=mine)
    assert code == 0, out


def test_tests_import_the_dependencies_of_the_work_and_their_own(tested: Tested, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path).as_uri()
    test = "import badgemaker\n\n\ndef test_it():\n    assert badgemaker.draw('Ada', 'PyCon')\n"
    for key in ("dependencies", "test_dependencies"):
        settings = f'{key} = ["badgemaker @ {wheel}"]\n{SETTINGS}'
        code, out = tested(test, **{"rollcall.toml": settings})
        assert code == 0, out
    code, out = tested(test)
    assert (code, "No module named 'badgemaker'" in out) == (2, True)  # pytest: it could not be collected


def test_arguments_behind_the_hyphens_are_those_of_pytest_and_the_exit_code_is_its(tested: Tested) -> None:
    test = "def test_one():\n    pass\n\n\ndef test_two():\n    assert False\n"
    assert tested(test)[0] == 1
    code, out = tested(test, "--", "-q", "-k", "one")
    assert (code, "1 passed, 1 deselected" in out) == (0, True), out


def test_a_test_with_batches_runs_in_each_architecture_or_in_that_which_is_chosen(tested: Tested) -> None:
    test = "def test_it(architecture):\n    print(f'in {architecture}.')\n\n\ndef test_other():\n    pass\n"
    code, out = tested(test, "--", "-s", "-q")
    assert (code, "in sqs." in out, "in sfn." in out, "3 passed" in out) == (0, True, True, True), out
    code, out = tested(test, "--architecture", "sfn", "--", "-s", "-q")
    assert (code, "in sqs." in out, "in sfn." in out, "2 passed" in out) == (0, False, True, True), out


def test_a_folder_without_tests_is_told_what_a_test_is(tested: Tested) -> None:
    code, out = tested("def helper():\n    pass\n")
    assert code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "no test was found in" in out
    assert "files test_*.py" in out


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"rollcall.toml": "event = 1"}, "rollcall.toml, line 1: event:"),
        ({".env": ""}, "it has no value for KEY, the secret ssm:/key"),
        ({"costs.py": ""}, "costs has the name of a package of Rollcall's"),
        ({"rollcall.toml": 'test_dependencies = ["=="]'}, "'==' is no requirement"),
    ],
)
def test_a_work_folder_that_cannot_be_deployed_is_refused_before_its_tests(
    tested: Tested, files: dict[str, str], says: str
) -> None:
    code, out = tested("def test_it():\n    pass\n", **files)
    assert code == pytest.ExitCode.USAGE_ERROR
    assert says in out
    assert "Traceback" not in out


def test_a_sandbox_that_cannot_be_started_fails_the_tests_with_batches_only(tested: Tested) -> None:
    test = "def test_it(run_batch):\n    run_batch([])\n\n\ndef test_other():\n    pass\n"
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        code, out = tested(test, environment={"ROLLCALL_PORT": port, "ENGINE": "native"})
    assert (code, "1 passed, 2 errors" in out) == (1, True), out
    assert f"port {port} is not free" in out
    assert "Traceback" not in out
    assert "stacks.py" not in out


def test_a_folder_that_is_no_work_folder_is_refused(cli: Cli, tmp_path: Path) -> None:
    refused(cli("test", str(tmp_path), *NOWHERE), "has neither work.py nor source.py")
    refused(cli("test", str(tmp_path / "none"), *NOWHERE), "there is no such folder")


def test_the_plugin_does_nothing_outside_of_a_work_folder(tmp_path: Path) -> None:
    test = (
        "import os, sys\n\n\ndef test_it():\n    assert os.environ['AWS_PROFILE'] == 'mine'\n"
        "    assert 'rollcall.api' not in sys.modules\n\n\ndef test_fixture(sandbox):\n    pass\n"
    )
    (tmp_path / "test_it.py").write_text(test)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tmp_path)],
        env={**os.environ, "AWS_PROFILE": "mine"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "1 passed, 1 error" in done.stdout
    assert "are for tests in a work folder" in done.stdout
