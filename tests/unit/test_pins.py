"""What is downloaded to build the project is known by its hash."""

import re

import pytest

from sandbox.state import REPOSITORY

PINS = "uv-requirements.txt"


@pytest.mark.parametrize("installer", ["Makefile", "sandbox/Dockerfile"])
def test_uv_is_installed_by_its_hashes_and_its_version_stands_in_one_place(installer: str) -> None:
    text = (REPOSITORY / installer).read_text()
    assert "uv==" not in text
    assert re.search(rf"pip install .*(\\\n.*)?--require-hashes --only-binary :all: -r {PINS}", text)


def test_the_images_build_gets_the_hashes() -> None:
    assert f"!{PINS}" in (REPOSITORY / ".dockerignore").read_text().splitlines()


def test_the_file_of_hashes_holds_nothing_else() -> None:
    lines = (REPOSITORY / PINS).read_text().splitlines()
    allowed = re.compile(r"#.*|uv==[0-9.]+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [line for line in lines if not allowed.fullmatch(line)] == []
