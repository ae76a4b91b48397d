"""The suites behind `make`: none leaves out what no other one runs, and one part's failure stops no other."""

import re
import sys

import pytest

from sandbox.host import docker
from tests import suites
from tests.suites import Part, Runner, arguments, chosen, everything, quick

ENGINES = pytest.mark.parametrize("engine", ["native", "docker"])


@pytest.fixture(autouse=True)
def docker_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "missing", lambda: None)
    monkeypatch.delenv("ENGINE", raising=False)


def commands(*words: str) -> list[str]:
    """What pytest is asked for in each part, from its engine on."""
    return [" ".join(part.command).partition("--engine ")[2] for part in chosen(arguments(words))]


@ENGINES
def test_what_make_test_leaves_out_is_run_afterwards_and_nothing_twice(engine: str):
    first, rest = quick(engine), everything(after=engine)
    assert {part.title for part in everything()} <= {part.title for part in (*first, *rest)}
    assert not {part.command for part in first} & {part.command for part in rest}


def test_docker_s_lane_leaves_out_the_batches_that_make_test_has_run_there_and_no_others():
    assert suites.BATCHES in quick("docker")[-1].command
    [lane] = [part.command for part in everything(after="docker") if part.title == "end to end in Docker"]
    assert lane[-2:] == ("--ignore", suites.BATCHES)
    for after in (None, "native"):
        [lane] = [part.command for part in everything(after) if part.title == "end to end in Docker"]
        assert suites.BATCHES not in lane


@pytest.mark.parametrize(
    ("test", "selection"),
    [
        ("tests/e2e/test_restart.py", "tests/e2e/test_restart.py"),
        ("tests/e2e/test_batches.py::test_an_empty_file_succeeds[sqs]",) * 2,
        ("empty and sqs", "tests/e2e -k empty and sqs"),
    ],
)
def test_one_test_runs_in_one_process_and_natively_unless_told_otherwise(monkeypatch, test: str, selection: str):
    [command] = commands("e2e", "--test", test)
    assert command.startswith("native ")
    assert selection in command
    assert "--numprocesses" not in command
    monkeypatch.setenv("ENGINE", "docker")
    [command] = commands("e2e", "--test", test)
    assert command.startswith("docker ")


def test_in_docker_only_what_differs_there_is_run_unless_all_is_asked_for(monkeypatch):
    native, lane = commands("e2e")
    assert native.startswith("native ")
    assert "-m docker" not in native
    assert "-m docker" in lane
    monkeypatch.setenv("ENGINE", "docker")
    [whole] = commands("e2e", "--all")
    assert whole.startswith("docker ")
    assert "-m docker" not in whole


def test_a_part_that_fails_stops_no_other_and_is_told(capfdbinary: pytest.CaptureFixture[bytes]):
    fails = Part("first", (sys.executable, "-c", "print('begun'); print('= 1 failed ='); raise SystemExit(3)"))
    passes = Part("second", (sys.executable, "-c", "print('= 1 passed =')"))
    outcomes = Runner().run_all([fails, passes])
    assert [(each.title, each.passed, each.said) for each in outcomes] == [
        ("first", False, "1 failed"),
        ("second", True, "1 passed"),
    ]
    assert b"begun" in capfdbinary.readouterr().out


def test_help_explains_the_variables_of_make(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        arguments(["--help"])
    said = capsys.readouterr().out
    for word in ("ENGINE=", "TEST=", "CLOCK=", "ALL=1", "AFTER=test", "REQUIRE_DOCKER=1"):
        assert word in said
    for module, test in re.findall(r"(tests/e2e/\w+\.py)(?:::(\w+))?", said):
        assert f"def {test}" in (suites.REPOSITORY / module).read_text()
