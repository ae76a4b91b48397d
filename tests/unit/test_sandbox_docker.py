"""Whose container it is, and what is made of what Docker prints. The `docker` command is a script of the test."""

from pathlib import Path
from shlex import quote

import pytest

from rollcall.target.engine_log import print_engine_log
from sandbox.host import control, docker
from sandbox.state import REPOSITORY, Sandbox, SandboxError

LOG = b"\x1b[2K\rplain \x1b]0;title\x07\x1b[2J \xff \xe2\x80\xae\n"
SHOWN = "\\rplain \\x1b]0;title\\x07\\x1b[2J \ufffd \\u202e\n"


class Docker:
    """The command: `running` and `stopped` are the containers it lists, as it was told to; `calls` is what it did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def lists(self, running: str, stopped: str = "") -> None:
        """Put the command in place."""
        (self.folder / "log").write_bytes(LOG)
        script = f"""#!/bin/sh
echo "$*" >> {quote(str(self.folder / "calls"))}
case "$*" in
  "container ls --all"*) printf '%s' {quote(running + stopped)};;
  "container ls"*) printf '%s' {quote(running)};;
  compose*" logs "*) /bin/cat {quote(str(self.folder / "log"))};;
  compose*" up "*) /bin/cat {quote(str(self.folder / "log"))}; exit 0;;
esac
"""
        (self.folder / "docker").write_text(script)
        (self.folder / "docker").chmod(0o755)

    @property
    def calls(self) -> str:
        return (self.folder / "calls").read_text()


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    monkeypatch.setenv("PATH", str(tmp_path))
    return Docker(tmp_path)


def container(folder: Path | str, port: int = 4601) -> str:
    return f"{folder}\t127.0.0.1:{port}->{port}/tcp\n"


def test_a_container_of_this_checkout_is_the_sandbox(command: Docker) -> None:
    command.lists(container(REPOSITORY))
    assert control.running("mine") == Sandbox("docker", 4601, "mine")
    assert "label=com.docker.compose.project=mine" in command.calls


@pytest.mark.parametrize("folder", ["/home/other/rollcall", "", "relative"])
def test_a_container_of_another_checkout_is_not(command: Docker, folder: str) -> None:
    command.lists(container(folder))
    assert control.running("mine") is None


def test_this_checkouts_is_found_beside_anothers(command: Docker) -> None:
    command.lists(container("/home/other/rollcall", 4602) + container(REPOSITORY))
    assert control.running("mine") == Sandbox("docker", 4601, "mine")


@pytest.mark.parametrize("stopped", [False, True])
def test_the_container_of_another_checkout_is_not_replaced(command: Docker, stopped: bool) -> None:
    other = container("/home/other/rollcall")
    command.lists(*(("", other) if stopped else (other, "")))
    with pytest.raises(SandboxError, match=r"another checkout, /home/other/rollcall.*ROLLCALL_PROJECT"):
        docker.start("mine", 4601, print)
    assert " up " not in command.calls
    assert " down" not in command.calls


def test_a_container_of_this_checkout_may_be_replaced(command: Docker) -> None:
    command.lists("", container(REPOSITORY))
    said: list[str] = []
    assert docker.start("mine", 4601, said.append) == Sandbox("docker", 4601, "mine")
    assert said


@pytest.mark.parametrize("follow", [False, True])
def test_what_the_engine_in_a_container_logs_is_shown_not_sent(
    command: Docker, capsys: pytest.CaptureFixture[str], follow: bool
) -> None:
    command.lists(container(REPOSITORY))
    print_engine_log("mine", follow)
    assert capsys.readouterr().out == SHOWN
    assert ("--follow" in command.calls) == follow
