"""A kept layer is not deleted under an engine that uses it, and is deleted once no engine does."""

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import kept_layers

USE = """
import pathlib, sys
from sandbox import kept_layers
kept_layers.LAYERS = pathlib.Path(sys.argv[1])
print(kept_layers.use("digest"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kept_layers, "LAYERS", tmp_path)
    folder = tmp_path / "digest"
    (folder / "python").mkdir(parents=True)
    return folder


def test_a_kept_layer_stays_while_a_process_uses_it(kept: Path):
    command = [sys.executable, "-c", USE, str(kept.parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout
        assert user.stdout.readline().strip() == str(kept)
        kept_layers.delete(kept)
        assert (kept / "python").is_dir()
        user.communicate("")
    kept_layers.delete(kept)
    assert not kept.exists()
    assert kept_layers.use("digest") is None
