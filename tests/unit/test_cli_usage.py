"""What a wrong command line, or a missing sandbox, comes to: exit code 2, one message, no traceback."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from rollcall.cli import COMMANDS as LISTED
from tests.unit.commands import NOWHERE, Cli, refused

COMMANDS = (
    "up", "down", "status", "run", "watch", "cancel", "redrive", "failures", "logs", "trigger", "dev", "demo",
    "meter", "bill", "results", "env", "console",
)  # fmt: skip
# They connect to nothing by themselves.
COMPUTED = ("plan", "tune", "check", "convert", "test")
OF_A_BATCH = ("watch", "cancel", "redrive", "failures", "results", "bill")


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("group", [[], ["faults"], ["clock"]])
def test_without_a_command_the_help_is_shown_and_that_is_no_error(cli: Cli, group: list[str]) -> None:
    code, out, err = cli(*group)
    assert "Commands" in out + err
    assert (code, "error:" in err) == (0, False)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("rollcall re", {"redrive", "results"}),
        ("rollcall faults s", {"set", "show"}),
        ("rollcall watch --js", {"--json"}),
    ],
)
def test_a_shell_completes_commands_and_options(typed: str, offered: set[str]) -> None:
    asked = {"_ROLLCALL_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    command = [sys.executable, "-m", "rollcall"]
    done = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == offered


@pytest.mark.parametrize("command", COMMANDS + COMPUTED)
def test_no_option_and_no_value_of_the_help_is_cut_at_80_columns(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = cli(command, "--help")
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_version_is_told(cli: Cli) -> None:
    code, out, _ = cli("--version")
    assert (code, out) == (0, f"rollcall {version('rollcall')}\n")


def test_an_optional_argument_is_shown_in_one_pair_of_brackets(cli: Cli) -> None:
    assert "[OPTIONS] [BATCH]" in cli("status", "--help")[1]
    assert "[OPTIONS] [FUNCTION|engine]" in cli("logs", "--help")[1]


@pytest.mark.parametrize("command", COMMANDS + COMPUTED)
def test_every_command_has_help(cli: Cli, command: str) -> None:
    code, out, _ = cli(command, "--help")
    assert code == 0
    assert f"rollcall {command}" in out


def test_the_help_of_all_commands_is_listed_without_importing_one(cli: Cli) -> None:
    _, out, _ = cli("--help")
    assert all(f"│ {name} " in out for name in LISTED)
    seen = "import sys; import rollcall.cli; print([name for name in sys.modules if name.startswith('rollcall.')])"
    imported = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True).stdout
    assert imported.strip() == "['rollcall.cli']"


def test_no_command_waits_for_boto3_or_for_the_help_of_all() -> None:
    commands = ", ".join(f"rollcall.commands.{name}" for name in LISTED)
    seen = f"import sys; import rollcall.cli, {commands}; print(sys.modules.keys() & {{'boto3', 'rich.markdown'}})"
    imported = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True).stdout
    assert imported.strip() == "set()"


@pytest.mark.parametrize("command", COMMANDS + COMPUTED)
def test_an_unknown_option_is_named(cli: Cli, command: str) -> None:
    refused(cli(command, "--nonsense"), "--nonsense", f"rollcall {command} --help")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_bad_port_is_refused(cli: Cli, command: str, port: str) -> None:
    arguments = {"run": ["sqs"], "trigger": ["sqs"], **{name: ["b"] for name in OF_A_BATCH}}.get(command, [])
    refused(cli(command, *arguments, "--port", port), "--port")


def test_an_unknown_command_is_named(cli: Cli) -> None:
    refused(cli("rnu"), "rnu")


@pytest.mark.parametrize("command", ["run", "trigger"])
def test_an_unknown_architecture_is_named(cli: Cli, command: str) -> None:
    refused(cli(command, "ec2"), "ec2", "sqs", "sfn")


@pytest.mark.parametrize("command", ["run", "trigger", "check", "convert", "test", *OF_A_BATCH])
def test_a_missing_argument_is_said(cli: Cli, command: str) -> None:
    refused(cli(command), "Missing argument")


@pytest.mark.parametrize("command", ["up", "demo"])
def test_an_unknown_engine_is_named(cli: Cli, command: str) -> None:
    refused(cli(command, "--engine", "podman"), "podman")


@pytest.mark.parametrize("command", ["up", "down", "dev", "demo"])
def test_what_needs_a_sandbox_has_no_option_for_aws(cli: Cli, command: str) -> None:
    refused(cli(command, "--aws"), "--aws")


@pytest.mark.parametrize(("option", "value"), [("--profile", "work"), ("--region", "eu-west-1")])
def test_an_aws_setting_without_aws_is_refused(cli: Cli, option: str, value: str) -> None:
    refused(cli("status", option, value), option, "--aws")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--items", "-1"),
        ("--items", "100000001"),
        ("--items", "many"),
        ("--items-per-chunk", "0"),
        ("--items-per-chunk", "10001"),
        ("--max-value", "1001"),
        ("--item-concurrency", "0"),
        ("--item-concurrency", "101"),
        ("--fail-rate", "1.5"),
        ("--fail-rate", "nan"),
        ("--max-attempts", "0"),
        ("--tolerated-failure-percentage", "101"),
        ("--deadline", "0"),
        ("--batch-id", "two words"),
        ("--batch-id", ""),
        ("--batch-id", "-x"),
        ("--batch-id", "--aws"),
        ("--batch-id", ".."),
    ],
)
def test_a_bad_setting_of_a_batch_is_named_with_its_value(cli: Cli, option: str, value: str) -> None:
    refused(cli("run", "sqs", f"{option}={value}", *NOWHERE), option, value)


@pytest.mark.parametrize("suffix", ["a b", "/../x", "a\x1b[2J", "x" * 101, "$(id)"])
def test_a_suffix_that_no_stacks_name_can_have_is_refused(cli: Cli, suffix: str) -> None:
    refused(cli("status", f"--suffix={suffix}", *NOWHERE), "--suffix", "letters, digits and hyphens")


@pytest.mark.parametrize("project", ["../x", "-x", "a/b", "A"])
@pytest.mark.parametrize("command", ["status", "down", "logs", "meter"])
def test_a_project_that_is_no_name_is_refused(cli: Cli, command: str, project: str) -> None:
    refused(cli(command, f"--project={project}"), project, "letters, digits")


def test_a_state_machine_has_one_deadline_for_all(cli: Cli) -> None:
    refused(cli("run", "sfn", "--deadline=600", *NOWHERE), "--deadline", "sqs")


@pytest.mark.parametrize("setting", ["--items=5", "--max-value=5", "--fail-rate=0.5"])
def test_a_file_and_random_items_exclude_each_other(cli: Cli, in_folder: Path, setting: str) -> None:
    (in_folder / "items.jsonl").write_text('{"id": "1"}\n')
    refused(cli("run", "sqs", "--input", "items.jsonl", setting, *NOWHERE), "--input", setting.partition("=")[0])


def test_a_missing_input_file_is_named(cli: Cli, in_folder: Path) -> None:
    refused(cli("run", "sfn", "--input", "items.csv", *NOWHERE), "items.csv", "no such file")


def test_a_folder_is_no_input(cli: Cli, in_folder: Path) -> None:
    (in_folder / "items.csv").mkdir()
    refused(cli("run", "sfn", "--input", "items.csv", *NOWHERE), "items.csv", "folder")


@pytest.mark.parametrize("name", ["items.txt", "items", "items.gz", "items.csv.zip"])
def test_an_input_of_another_format_is_refused(cli: Cli, in_folder: Path, name: str) -> None:
    (in_folder / name).write_text("id\n1\n")
    refused(cli("run", "sqs", "--input", name, *NOWHERE), name, ".jsonl", ".csv")


@pytest.mark.parametrize("age", ["10", "m", "-5m", "10 m", "1w"])
def test_a_bad_age_of_logs_is_named(cli: Cli, age: str) -> None:
    refused(cli("logs", f"--since={age}", *NOWHERE), "--since", age)


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["status", "some-batch", "--json"],
        ["run", "sqs"],
        ["run", "sfn", "--json"],
        ["watch", "some-batch"],
        ["cancel", "some-batch"],
        ["redrive", "some-batch", "--no-wait"],
        ["failures", "some-batch", "--csv"],
        ["logs"],
        ["trigger", "sqs"],
        ["dev"],
    ],
    ids=" ".join,
)
def test_without_a_sandbox_the_command_that_starts_one_is_named(cli: Cli, words: list[str]) -> None:
    refused(cli(*words, *NOWHERE), "no sandbox answers at http://127.0.0.1:9", "rollcall up")


@pytest.mark.parametrize("command", ["status", "watch", "failures"])
@pytest.mark.parametrize("generation", ["0", "-1", "two"])
def test_a_bad_generation_is_named(cli: Cli, command: str, generation: str) -> None:
    refused(cli(command, "b", f"--generation={generation}", *NOWHERE), "--generation")


@pytest.mark.parametrize("command", ["status", *OF_A_BATCH])
def test_a_batch_is_of_one_of_the_two_architectures(cli: Cli, command: str) -> None:
    refused(cli(command, "b", "--architecture=ec2", *NOWHERE), "ec2", "sqs", "sfn")


def test_failures_are_json_or_csv(cli: Cli) -> None:
    refused(cli("failures", "b", "--json", "--csv", *NOWHERE), "--json", "--csv")


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("MaxConcurrency", "NAME=VALUE"),
        ("=5", "NAME=VALUE"),
        ("MaxConcurency=5", "unknown parameter 'MaxConcurency'; the stacks have"),
        ("MaxConcurrency=many", "MaxConcurrency=many: it must be a whole number"),
        ("Overlap=wait", "Overlap=wait: it must be one of allow, skip"),
    ],
)
def test_a_bad_parameter_of_the_stacks_is_named_before_anything_is_started(cli: Cli, parameter: str, said: str) -> None:
    refused(cli("up", "--parameter", parameter, *NOWHERE), parameter.partition("=")[0], said)


def test_there_is_no_engine_to_log_on_aws(cli: Cli) -> None:
    refused(cli("logs", "engine", "--aws"), "engine")


def test_without_a_sandbox_there_is_nothing_to_stop(cli: Cli) -> None:
    code, out, _ = cli("down", "--project", "nobody")
    assert code == 0
    assert "no sandbox nobody" in out
