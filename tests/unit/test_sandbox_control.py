"""Which engine is chosen, and what bad settings are answered with. The `docker` command is a script of the test."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.host import control
from sandbox.state import SandboxError


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Call it to put a `docker` command in place that fails at the subcommands given; until then there is none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ENGINE", raising=False)

    def put(*failing: str) -> None:
        cases = "".join(f"{word}) echo '{word} is broken' >&2; exit 1;; " for word in failing)
        script = tmp_path / "docker"
        script.write_text(f'#!/bin/sh\ncase "$1" in {cases} *) exit 0;; esac\n')
        script.chmod(0o755)

    return put


def test_auto_is_docker_where_it_answers(docker: Callable[..., None]) -> None:
    docker()
    assert control.choose_engine() == "docker"


@pytest.mark.parametrize("failing", ["info", "compose"])
def test_auto_is_native_where_docker_or_compose_does_not_answer(docker: Callable[..., None], failing: str) -> None:
    docker(failing)
    assert control.choose_engine() == "native"


def test_auto_is_native_without_a_docker_command(docker: Callable[..., None]) -> None:
    assert control.choose_engine() == "native"


def test_the_variable_chooses(docker: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    docker()
    monkeypatch.setenv("ENGINE", "native")
    assert control.choose_engine() == "native"
    assert control.choose_engine("docker") == "docker", "what is asked for in the call comes first"


def test_asking_for_docker_without_it_says_what_was_found(docker: Callable[..., None]) -> None:
    docker("info")
    with pytest.raises(SandboxError, match=r"no Docker engine answers \(info is broken\).*ENGINE=native"):
        control.choose_engine("docker")


def test_native_needs_linux(docker: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="needs Linux or WSL, this is darwin"):
        control.choose_engine("native")
    with pytest.raises(SandboxError, match=r"there is no `docker` command: start Docker$"):
        control.choose_engine()


def test_an_unknown_engine_is_refused(docker: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE", "podman")
    with pytest.raises(SandboxError, match="unknown engine 'podman'"):
        control.choose_engine()


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("ROLLCALL_PORT", port)
    with pytest.raises(SandboxError, match="is not a port"):
        control.port()


@pytest.mark.parametrize("project", ["../etc", "Upper", "-dash", "a/b", "x" * 64])
def test_a_project_name_that_docker_or_the_disk_would_refuse_is_refused(
    monkeypatch: pytest.MonkeyPatch, project: str
) -> None:
    monkeypatch.setenv("ROLLCALL_PROJECT", project)
    with pytest.raises(SandboxError, match="ROLLCALL_PROJECT="):
        control.project()


def test_without_settings_it_is_rollcall_and_no_port_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_PORT", "")
    monkeypatch.delenv("ROLLCALL_PROJECT", raising=False)
    assert (control.port(), control.project()) == (None, "rollcall")
