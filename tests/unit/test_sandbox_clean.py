"""`make clean`: stops the sandboxes of this checkout and removes their images, and nobody else's."""

from pathlib import Path
from shlex import quote

import pytest

from sandbox import state
from sandbox.host import clean, docker, native

OTHER = "/home/other/rollcall"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a sandbox `mine`; the `docker` command knows one `theirs` too, and writes what it is told."""
    checkout = tmp_path / "checkout"
    for name in ("mine", "theirs", "layers"):
        (checkout / ".rollcall" / name).mkdir(parents=True)
    for name in ("mine", "theirs"):
        (checkout / ".rollcall" / name / "deploying.lock").touch()
    for module in (state, clean, docker):
        monkeypatch.setattr(module, "REPOSITORY", checkout)
    script = f"""#!/bin/sh
echo "$*" >> {quote(str(tmp_path / "calls"))}
case "$*" in
  "image ls"*) printf 'mine-sandbox\\nmine-stacks\\ntheirs-sandbox\\nbase\\n';;
  "container ls --all"*project=theirs*) printf '%s\\t\\n' {OTHER};;
esac
"""
    (tmp_path / "docker").write_text(script)
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "calls"


def test_images_of_this_checkout_are_removed_and_those_of_another_one_are_not(
    calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert clean.main() == 1
    told = capsys.readouterr()
    assert told.out == "removed mine-sandbox, mine-stacks\n"
    assert OTHER in told.err
    removals = [line for line in calls.read_text().splitlines() if "--rmi" in line]
    assert len(removals) == 1
    assert " -p mine " in removals[0]


def test_what_a_killed_native_engine_has_left_is_removed(calls: Path, tmp_path: Path) -> None:
    folder, temporary = state.state_folder("mine"), tmp_path / "rollcall-temporary"
    temporary.mkdir()
    (folder / "engine").mkdir()
    (folder / "tmp").symlink_to(temporary)
    assert native.find("mine") is None
    clean.main()
    assert not temporary.exists()
    assert not (folder / "engine").exists()
