"""The console's files: those of other projects are as their packages have them, and nothing comes from elsewhere."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from rollcall.console.app import STATIC
from rollcall.console.page import HERE
from sandbox.state import REPOSITORY

MOST_BYTES, MOST_STYLE_BYTES = 150_000, 7_500
OWN = ("console.css", "console.js", "icon.svg")
VENDORED = tomllib.loads((STATIC / "vendored.toml").read_text())
TEMPLATES = sorted((HERE / "templates").glob("*.html"))
# axe-core 4.14.1 of npm, package/axe.min.js: a file of the tests, which the console does not serve.
AXE = REPOSITORY / "tests" / "e2e" / "console" / "axe.min.js"
AXE_HASH = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", VENDORED)
def test_a_file_of_another_project_has_its_hash_and_its_licence(name: str):
    about = VENDORED[name]
    assert sha256(STATIC / name) == about["sha256"]
    words = {"0BSD": "Zero-Clause BSD", "MIT": "The MIT License"}[about["licence"]]
    assert words in (STATIC / about["text"]).read_text()


def test_axe_is_the_one_of_npm_with_its_licence():
    assert sha256(AXE) == AXE_HASH
    assert "Mozilla Public License" in AXE.with_name("axe-core-LICENSE.txt").read_text()


def test_every_file_that_is_served_is_listed_or_our_own_and_all_together_are_small():
    served = {path.name: path.stat().st_size for path in STATIC.iterdir() if path.suffix in (".js", ".css", ".svg")}
    assert served.keys() == {*OWN, *VENDORED}
    assert sum(served.values()) < MOST_BYTES
    assert served["console.css"] < MOST_STYLE_BYTES


@pytest.mark.parametrize(
    "path", [*TEMPLATES, STATIC / "console.js", STATIC / "console.css"], ids=lambda path: path.name
)
def test_nothing_is_loaded_from_elsewhere_and_no_script_or_style_stands_in_a_page(path: Path):
    text = path.read_text()
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == []
    if path.suffix == ".html":
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?! src=\"/static/)|\|\s*safe", text) == []
