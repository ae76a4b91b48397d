"""The work folders in examples/, as far as they need no sandbox: tests/e2e/test_examples.py runs their tests."""

from pathlib import Path

import pytest

from bootstrap.work.work import read_work
from tests.e2e.test_examples import FOLDERS

README = FOLDERS[0].parent / "README.md"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_an_example_can_be_deployed_has_tests_and_is_listed(folder: Path) -> None:
    work = read_work(folder)
    assert work.secret_values().keys() == work.settings.secrets.keys()
    assert list((folder / "tests").glob("test_*.py"))
    assert f"| `{folder.name}` |" in README.read_text()
