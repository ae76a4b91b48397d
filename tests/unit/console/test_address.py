"""Other commands find the console that runs, and only that."""

import stat
import subprocess
from pathlib import Path

import pytest

from rollcall.console.server import announced
from rollcall.target import console_address
from tests.unit.commands import Cli, refused

URL = "http://127.0.0.1:4610/?token=t"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the console's address."""
    path = tmp_path / "console.json"
    monkeypatch.setattr(console_address, "console_file", lambda project: path)
    return path


def test_the_address_is_there_while_the_console_runs_and_only_its_user_reads_it(place: Path):
    assert console_address.console_url("p") is None
    with announced(place, URL):
        assert console_address.console_url("p") == URL
        assert console_address.console_url("p", "batches/sqs/b") == "http://127.0.0.1:4610/batches/sqs/b?token=t"
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert not place.exists()


@pytest.mark.parametrize("left", ["", "{", "[]", '{"pid": "x", "url": 1}', '{"url": "u"}'])
def test_what_a_console_that_died_has_left_is_no_address(place: Path, left: str):
    place.write_text(left)
    assert console_address.console_url("p") is None
    place.write_text(f'{{"url": "{URL}", "pid": {ended()}}}')
    assert console_address.console_url("p") is None


def ended() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen(["true"]) as child:
        child.wait()
    return child.pid


def test_write_is_for_aws(cli: Cli):
    refused(cli("console", "--write"), "--write is for --aws")
