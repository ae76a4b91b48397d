"""Where a debugger attaches, and which engine it needs. tests/e2e/test_debugger.py attaches one."""

import json
from pathlib import Path

import pytest

from bootstrap.aws import session
from bootstrap.problem import Problem
from bootstrap.work.work import read_work
from rollcall.commands.dev import DEBUG_PORT
from rollcall.commands.dev_session import debugging
from rollcall.commands.new import make
from rollcall.target.connection import Connection


def test_a_new_work_folder_attaches_where_dev_listens_and_deploys_nothing_of_it(tmp_path: Path) -> None:
    make(tmp_path / "work")
    [configuration] = json.loads((tmp_path / "work" / ".vscode" / "launch.json").read_text())["configurations"]
    assert configuration["connect"] == {"host": "127.0.0.1", "port": DEBUG_PORT}
    assert (configuration["type"], configuration["request"]) == ("debugpy", "attach")
    assert sorted(read_work(tmp_path / "work").files) == ["guests.csv", "source.py", "work.py"]


def test_a_debugger_is_refused_in_docker_before_anything_is_changed() -> None:
    endpoint = "http://127.0.0.1:9"  # nothing listens there
    docker = Connection(session(endpoint), "", endpoint, "docker")
    with pytest.raises(Problem, match="needs the native engine") as refused, debugging(docker, None, DEBUG_PORT):
        pass
    assert "--engine native" in (refused.value.hint or "")
