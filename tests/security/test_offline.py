"""Whatever the engine is asked for, it runs no Docker, starts no program, and sends nothing off this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.requirements import lacking
from tests.security.offline import FORBIDDEN
from tests.security.test_services import SERVED

SHIMS = ("docker", "podman", "java", "npm", "pip", "curl", "wget", "unzip", "sudo")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of programs that an engine might start: each writes its name into the file `ran` there, and fails."""
    folder = tmp_path_factory.mktemp("programs")
    for name in SHIMS:
        shim = folder / name
        shim.write_text(f'#!/bin/sh\necho "{name} $*" >> {folder}/ran\nexit 1\n')
        shim.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def seen(engine: str, programs: Path) -> dict[str, Any]:
    """What an engine in a namespace of its own answered and did (tests/security/offline.py)."""
    if engine != "native":
        pytest.skip("the engine is the same natively, where it can be given a namespace")
    path = f"{programs}:{os.environ['PATH']}"
    run = subprocess.run(
        [sys.executable, "-m", "tests.security.offline", path], capture_output=True, text=True, timeout=120
    )
    if run.returncode == FORBIDDEN:
        lacking("unshare", run.stderr.strip())
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_nothing_leaves_the_machine(seen: dict[str, Any]) -> None:
    assert seen["left"] == []


def test_no_program_of_the_users_is_started(seen: dict[str, Any], programs: Path) -> None:
    ran = programs / "ran"
    assert not ran.exists(), ran.read_text()


def test_the_engine_is_healthy_afterwards_and_never_asks_for_docker(seen: dict[str, Any]) -> None:
    assert seen["healthy"]
    assert "docker" not in seen["log"].lower(), seen["log"]


@pytest.mark.parametrize("call", ["kinesis", "opensearch", "transcribe", "athena", "its streams"])
def test_services_that_need_more_are_refused(seen: dict[str, Any], call: str) -> None:
    assert seen["answers"][call].startswith("ServiceNotServed: the Rollcall sandbox does not serve ")


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("JSONata", "InvalidDefinition: the Rollcall sandbox does not run JSONata"),
        ("layer", "InvalidParameterValueException: the Rollcall sandbox downloads nothing: layer arn:"),
        ("state of image", "Failed: Error while creating lambda: the sandbox runs python3.13 functions from zip files"),
        ("invocation of image", "ResourceConflictException: "),
        ("state of absolute", "Active: "),
    ],
)
def test_what_needs_more_of_a_served_service_is_refused(seen: dict[str, Any], call: str, answer: str) -> None:
    assert seen["answers"][call].startswith(answer)


@pytest.mark.parametrize(
    "call", [*SERVED, "table with a stream", "stack", "invocation of absolute", "subscription", "publish"]
)
def test_what_needs_nothing_is_carried_out(seen: dict[str, Any], call: str) -> None:
    assert seen["answers"][call] == "carried out"
