"""`dev` ends with its sandbox, and takes for an edit what is left of it."""

import socket
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest
from watchfiles import Change

from bootstrap.dev import Watched, edited_files, watch
from rollcall.commands.dev import still_runs
from rollcall.target.connection import Connection
from rollcall.target.target import SandboxTarget


def test_the_watch_ends_when_the_sandbox_does(tmp_path: Path) -> None:
    nothing: Any = None
    looks = iter([True, False])
    watch(nothing, "", Watched([tmp_path]), lambda *news: None, alive=lambda: next(looks))
    assert next(looks, None) is None


@pytest.mark.parametrize("engine", ["native", None], ids=["of this checkout", "of another"])
def test_a_sandbox_that_was_stopped_is_noticed_though_its_port_is_named(engine: str | None) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        target = SandboxTarget(port=silent.getsockname()[1], project=f"stopped-{uuid.uuid4().hex[:8]}")
        assert not still_runs(Connection(boto3.Session(), "", f"http://127.0.0.1:{target.port}", engine), target)


def test_what_an_editor_makes_for_a_moment_is_no_edit(tmp_path: Path) -> None:
    saved, removed, moment = (tmp_path / name for name in ("work.py", "guests.csv", "sedXyZ"))
    saved.touch()
    edit = {(Change.added, saved), (Change.deleted, removed), (Change.added, moment), (Change.deleted, moment)}
    assert edited_files({(change, str(path)) for change, path in edit}) == {saved, removed}
