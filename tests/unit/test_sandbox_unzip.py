"""The folders that functions' zips have in common: unpacked once, deleted when no code has a link to them."""

import zipfile
from pathlib import Path

import pytest

from sandbox.executor import unzip as unzipping
from sandbox.executor.unzip import delete_unused_folders, unzip


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(unzipping, "SHARED", tmp_path / "folders")
    return tmp_path / "code"


def unpack(code: Path, name: str, **files: str) -> Path:
    """The folder of a function whose zip has these files; `__` in a name is a slash."""
    target = code / name / "code"
    target.mkdir(parents=True)
    with zipfile.ZipFile(code / f"{name}.zip", "w") as packed:
        for path, text in files.items():
            packed.writestr(path.replace("__", "/"), text)
    unzip(str(code / f"{name}.zip"), str(target))
    return target


def test_a_folder_is_unpacked_once_and_one_with_another_content_for_itself(code: Path):
    first = unpack(code, "first", sdk__a="1", sdk__b__c="2", app="3")
    second = unpack(code, "second", sdk__a="1", sdk__b__c="2", app="4")
    third = unpack(code, "third", sdk__a="1", sdk__b__c="9", app="3")
    assert (first / "sdk").resolve() == (second / "sdk").resolve() != (third / "sdk").resolve()
    assert [(each / "app").read_text() for each in (first, second, third)] == ["3", "4", "3"]
    assert [(each / "sdk/b/c").read_text() for each in (first, second, third)] == ["2", "2", "9"]


@pytest.mark.parametrize("odd", ["/sdk/a", "sdk/../b", "./b", "sdk//a", "../b"])
def test_a_zip_with_a_name_that_leads_elsewhere_shares_nothing(code: Path, odd: str):
    target = unpack(code, "odd", **{"sdk/a": "1", odd: "2"})
    assert not [each for each in target.iterdir() if each.is_symlink()]
    assert not unzipping.SHARED.exists()


def test_a_shared_folder_lives_as_long_as_a_code_that_has_it(code: Path):
    first, second = unpack(code, "first", sdk__a="1"), unpack(code, "second", sdk__a="1", own__b="2")
    (first / "sdk").unlink()
    delete_unused_folders(code)
    assert (second / "sdk/a").read_text() == "1"
    (second / "sdk").unlink()
    delete_unused_folders(code)
    assert (second / "own/b").read_text() == "2"
    assert len(list(unzipping.SHARED.iterdir())) == 1
