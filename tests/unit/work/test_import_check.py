"""Work is imported as the functions import it, before anything is deployed."""

import os
from pathlib import Path

import pytest

from bootstrap.work import import_check
from bootstrap.work.files import work_files
from bootstrap.work.import_check import check_imports
from bootstrap.work.problem import BadWork
from tests.unit.work.folders import folder

__all__ = ["folder"]
HERE = "arm64" if os.uname().machine in ("arm64", "aarch64") else "x86_64"
OTHER = {"arm64": "x86_64", "x86_64": "arm64"}[HERE]
SANDBOX = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}


@pytest.fixture
def imported(folder):
    """`imported(work, ...)` makes a work folder with that work.py, and checks it; returns why it could not look."""

    def check(work: str, dependencies: Path | None = None, architecture: str = HERE, variables=SANDBOX, **files: str):
        place = folder(**{"work.py": work, **files})
        return check_imports(work_files(place), dependencies, variables, architecture)

    return check


def test_work_that_the_functions_can_import_is_accepted(imported):
    work = """
import csv, helpers, os
from pathlib import Path
import lib.more
assert os.environ["API_URL"] == "x" and os.environ["AWS_LAMBDA_FUNCTION_NAME"]
assert (Path(__file__).parent / "data.csv").read_text() == "1"
assert Path.cwd() == Path(os.environ["LAMBDA_TASK_ROOT"])
process = helpers.process
"""
    files = {"helpers.py": "async def process(item): ...", "data.csv": "1", "lib/more.py": ""}
    source = "def items(request): return []"
    assert imported(work, variables={"API_URL": "x"}, **files, **{"source.py": source}) is None


def test_the_sdk_can_be_imported_and_a_client_be_made(imported):
    assert (
        imported("import boto3, aws_lambda_powertools as p\nboto3.client('s3', 'x-1')\ndef process(item): ...") is None
    )


@pytest.mark.parametrize(
    ("work", "says", "hint"),
    [
        ("import os\n\nimport numpy\n", r"ModuleNotFoundError: No module named 'numpy' \(work.py, line 3\)", "numpy"),
        ("import rollcall\n", "No module named 'rollcall'", "dependencies"),
        ("from tests import test_work\n", "No module named 'tests'", "dependencies"),
        ("import os\nos.environ['API_KEY']\n", r"KeyError: 'API_KEY' \(work.py, line 2\)", "[secrets]"),
        ("def process(item:\n", r"SyntaxError: .* \(work.py, line 1\)", None),
        ("x = 1\n", r"TypeError: work.py has neither process\(item\) nor process_chunk\(items\)", None),
        ("import sys\nsys.exit(3)", r"SystemExit: 3 \(work.py, line 2\)", None),
        ("import helpers\n", r"ZeroDivisionError: division by zero \(helpers.py, line 2\)", None),
        (
            "print('about to fail')\nraise ValueError",
            r"ValueError \(work.py, line 2\)\nit printed:\n  about to",
            None,
        ),
        (
            "import os\nprint('gone', flush=True)\nos._exit(5)",
            r"ended its process, with exit code 5\nit .*\n  gone",
            None,
        ),
    ],
)
def test_work_that_they_cannot_import_is_refused_with_the_error_its_file_and_line(imported, work, says, hint):
    files = {"helpers.py": "\n1 / 0", "tests/test_work.py": ""}
    with pytest.raises(BadWork, match=says) as refused:
        imported(work, **files)
    assert (hint or "") in (refused.value.hint or "")


def test_a_source_of_a_form_that_no_batch_can_use_is_refused(imported):
    work = "def process_chunk(items): ..."
    with pytest.raises(BadWork, match=r"source.py cannot be imported .*items\(\) must be items\(request\)"):
        imported(work, **{"source.py": "def items(): ..."})
    assert imported(work, **{"source.py": "def items(request): ..."}) is None


def test_what_the_work_prints_is_no_harm_and_is_not_shown(imported, capfd):
    assert imported("import sys\nprint('x' * 100_000)\nprint('y', file=sys.stderr)\ndef process(item): ...") is None
    assert capfd.readouterr() == ("", "")


def test_an_import_that_lambda_would_end_is_ended(imported, monkeypatch):
    monkeypatch.setattr(import_check, "LIMIT_SECONDS", 0.5)
    with pytest.raises(BadWork, match=r"takes more than 0\.5 s"):
        imported("import subprocess, threading\nsubprocess.Popen(['sleep', '5'])\nthreading.Event().wait()")


def test_dependencies_that_this_machine_cannot_run_are_not_judged_and_it_says_so(imported, tmp_path):
    compiled = tmp_path / "compiled"
    (compiled / "fast").mkdir(parents=True)
    (compiled / "fast" / "core.so").touch()
    said = imported("import nothing", compiled, OTHER)
    assert said == (
        "could not look whether the work can be imported: core.so is compiled for Linux on "
        f"{OTHER}, and this is another machine"
    )
    with pytest.raises(BadWork, match="No module named 'nothing'"):
        imported("import nothing", compiled)
    with pytest.raises(BadWork, match="No module named 'nothing'"):
        imported("import nothing", None, OTHER)


def test_work_that_calls_aws_as_it_is_imported_is_not_judged_without_a_sandbox_and_has_no_credentials(imported):
    work = "import boto3\nboto3.client('sqs', 'eu-west-1').list_queues()\ndef process(item): ..."
    said = imported(work, variables={})
    assert said.startswith("could not look whether work.py can be imported: it calls AWS (NoCredentialsError")


def test_nothing_is_written_beside_the_users_files(imported, folder):
    assert imported("import helpers\ndef process(item): ...", **{"helpers.py": ""}) is None
    place = folder(**{"work.py": "def process(item): ..."})
    assert {path.name for path in place.rglob("*")} == {"work.py", "helpers.py", "rollcall.toml"}
