"""`rollcall faults`: what it refuses before it asks any sandbox, and how it shows a fault."""

import io
from pathlib import Path

import pytest

from rollcall.__main__ import run
from rollcall.commands.faults import fault_row
from tests.unit.commands import NOWHERE


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command says when it ends as a user's mistake should."""
    assert run(("faults", *words)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err


def test_a_missing_plan_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "nothing.json: No such file" in refused(capsys, "set", str(tmp_path / "nothing.json"), *NOWHERE)


@pytest.mark.parametrize("text", ["", "faults: []", '{"faults": [}'])
def test_a_plan_that_is_not_json_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    assert "plan.json: the plan is not JSON: " in refused(capsys, "set", str(tmp_path / "plan.json"), *NOWHERE)


def test_a_bad_plan_on_stdin_is_refused_with_its_field(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"faults": [{"kind": "delay", "seconds": "long"}]}'))
    assert "stdin: faults[0].seconds: 'long' is not a number" in refused(capsys, "set", "-", *NOWHERE)


@pytest.mark.parametrize("command", [("set", "PLAN"), ("show",), ("show", "--json"), ("clear",)])
def test_without_a_sandbox_the_command_that_starts_one_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "plan.json").write_text('{"faults": []}')
    words = [word.replace("PLAN", str(tmp_path / "plan.json")) for word in command]
    said = refused(capsys, *words, *NOWHERE)
    assert "no sandbox answers at http://127.0.0.1:9" in said
    assert "rollcall up" in said


@pytest.mark.parametrize("command", [("set", "plan.json"), ("show",), ("clear",)])
def test_faults_are_never_for_aws(capsys: pytest.CaptureFixture[str], command: tuple[str, ...]) -> None:
    assert "--aws" in refused(capsys, *command, "--aws")


def test_a_fault_is_shown_with_where_how_and_when_it_strikes() -> None:
    fault = {"kind": "error", "operation": "Put*", "service": "dynamodb", "error": "Slow", "count": 3, "after": 1}
    assert fault_row({**fault, "seen": 1200, "injected": 3}) == [
        "error",
        "service dynamodb, operation Put*",
        "error Slow",
        "count 3, after 1",
        "1,200",
        "3",
    ]
    assert fault_row({"kind": "lost-delete", "seen": 0, "injected": 0})[1:4] == ["anywhere", "", "always"]
