"""Makes work folders for tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.work.work import Work, read_work

type Folder = Callable[..., Path]
RESOURCES = """
Resources:
  BadgeBucket: {Type: "AWS::S3::Bucket"}
Outputs:
  BadgeBucket: {Value: !Ref BadgeBucket}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """`folder(toml, **{"name.py": text})` writes a work folder; returns its path."""

    def write(toml: str = "", **files: str) -> Path:
        place = tmp_path / "job"
        for name, text in {"work.py": "def process(item): ...\n", "rollcall.toml": toml, **files}.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
        return place

    return write


@pytest.fixture
def read(folder: Folder) -> Callable[..., Work]:
    """`read(toml, ...)` writes a work folder and reads it."""
    return lambda *toml, **files: read_work(folder(*toml, **files))
