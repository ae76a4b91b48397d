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


@pytest.mark.parametrize(
    ("file", "folder"), [("bench/ministack/requirements.txt", "ministack"), ("checkov-requirements.txt", "checkov")]
)
def test_an_environment_of_its_own_is_made_of_files_known_by_their_hashes(file: str, folder: str) -> None:
    lines = [line for line in (REPOSITORY / file).read_text().splitlines() if not line.startswith("#")]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        assert re.fullmatch(r"[a-z0-9.-]+==\S+( ; .*)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line), line
        assert following.startswith("    --hash=sha256:") == line.endswith("\\"), line
    [rule] = re.findall(rf"^\S+: {re.escape(file)} \| env\n(?:\t.*\n)+", (REPOSITORY / "Makefile").read_text(), re.M)
    assert f"uv pip sync --quiet --require-hashes --python .rollcall/{folder} $<" in rule
