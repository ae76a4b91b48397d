"""Work that cannot start is told with its reason, and the next call tries again."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from handlers.aws import settings
from handlers.aws.work_environment import variables
from handlers.core import user_frames
from handlers.core.clock import Clock
from handlers.core.user_modules import WorkCannotStart, load
from tests.worker import Context, environment, numbered

WORKS = "def process(item): pass"
CANNOT = {
    "import os\n\n\nos.environ['API_KEY']": "work.py cannot be imported: KeyError: 'API_KEY' (work.py, line 4)",
    "import helpers": "work.py cannot be imported: ValueError: no (helpers.py, line 2, in check)",
    "import pandas_": "work.py cannot be imported: ModuleNotFoundError: No module named 'pandas_' (work.py, line 1)",
    "def process(item:": "work.py cannot be imported: SyntaxError: '(' was never closed (work.py, line 1)",
    "raise SystemExit(2)": "work.py cannot be imported: SystemExit: 2 (work.py, line 1)",
    "import os; os._exit(9)": "work.py cannot be imported: its process ended with exit code 9",
    "import os; os.kill(os.getpid(), 9)": "work.py cannot be imported: its process was killed (SIGKILL)",
    "import time; time.sleep(60)": "work.py cannot be imported: not done after 1 s",
    "def run(item): pass": "work.py has neither a function `process` nor a function `process_chunk`",
}

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # threads of other tests


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The zip's root, as the functions see it."""
    monkeypatch.setattr(user_frames, "ROOT", tmp_path)
    (tmp_path / "helpers.py").write_text("def check():\n    raise ValueError('no')\n\n\ncheck()\n")
    return tmp_path


def loading(folder: Path) -> Callable[[], ModuleType]:
    def load_work() -> ModuleType:
        sys.path.insert(0, str(folder))
        return load("work")

    return load_work


@pytest.mark.parametrize("code", CANNOT)
def test_work_that_cannot_be_imported_is_told_with_its_line_and_tried_again(folder, code):
    (folder / "work.py").write_text(code)
    with environment(load_work=loading(folder)) as here:
        for call in (here.ready, lambda seconds: here.run(numbered(3), seconds=seconds)):
            with pytest.raises(WorkCannotStart) as raised:
                call(seconds=1.4)
            assert str(raised.value) == CANNOT[code]
        (folder / "work.py").write_text(f"# Mended, and of another length\n{WORKS}")
        assert len(here.run(numbered(3)).done) == 3


def test_what_the_init_met_is_told_by_the_first_call(folder):
    (folder / "work.py").write_text("1 / 0")
    with environment(load_work=loading(folder)) as here:
        here.worker.begin()
        (folder / "work.py").write_text(WORKS)
        with pytest.raises(WorkCannotStart, match="ZeroDivisionError"):
            here.ready()
        here.ready()


def test_an_import_that_the_init_had_no_time_for_goes_on(folder, monkeypatch):
    monkeypatch.setattr("handlers.worker.worker.INIT_SECONDS", 0)
    (folder / "work.py").write_text(f"import time; time.sleep(0.3)\n{WORKS}")
    with environment(load_work=loading(folder)) as here:
        here.worker.begin()
        process_id = here.process_id
        assert len(here.run(numbered(3)).done) == 3
        assert here.process_id == process_id


def test_work_that_can_be_imported_only_once_loses_nothing_that_is_settled(folder):
    (folder / "work.py").write_text(
        "import os, pathlib\npathlib.Path(__file__).rename(__file__ + '.bak')\n"
        "def process(item):\n    if item['do']: os._exit(1)"
    )
    with environment(load_work=lambda: only(folder)) as here:
        results = here.run(numbered(4, i2="exit"), 1)
        assert (results.done, results.failed, results.left) == ([0, 1], {}, [2, 3])
        with pytest.raises(WorkCannotStart, match=r"work\.py has neither"):
            here.ready()


def only(folder: Path) -> Any:
    """The work in the folder, not the example in its place."""
    return loading(folder)() if (folder / "work.py").exists() else object()


def test_too_little_time_to_import_leaves_all_items_and_says_nothing_against_the_work(folder):
    (folder / "work.py").write_text(f"import time; time.sleep(0.3)\n{WORKS}")
    with environment(load_work=loading(folder)) as here:
        clock = Clock(Context(0.4))
        clock.total = 30_000
        results = here.worker.run(numbered(3), 1, clock, about={})
        assert results.left == [0, 1, 2]
        assert not here.worker.ready(clock)


def test_rejected_items_need_no_work():
    with environment(load_work=lambda: os._exit(1)) as here:
        results = here.run({0: {"id": "line-1", "$error": "no JSON"}})
    assert (results.failed, results.permanent) == ({0: "InvalidItem: no JSON"}, {0})


def test_the_example_is_loaded_where_the_root_has_no_work_of_that_name(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "work").mkdir()
    assert load("work").__name__ == "handlers.work"


@pytest.mark.parametrize(("at_import", "level"), [("", "INFO"), ("logging.getLogger().setLevel('ERROR')", "ERROR")])
def test_info_is_logged_unless_your_code_says_otherwise(folder, at_import, level):
    code = f"import logging\n{at_import}\ndef process(item): return logging.getLevelName(logging.getLogger().level)"
    (folder / "work.py").write_text(code)
    with environment(load_work=loading(folder)) as here:
        assert here.run(numbered(1), keep_values=True).values == {0: level}


@pytest.mark.parametrize("text", ["{", "[]", '{"A": 1}', '{"A": "\\u0000"}', '{"A=B": "x"}'])
def test_variables_that_cannot_be_set_are_told_by_their_cause(folder, monkeypatch, text):
    (folder / "work.py").write_text(WORKS)
    monkeypatch.setitem(settings.VARIABLES, "WORK_ENVIRONMENT", text)
    variables.cache_clear()
    told = pytest.raises(WorkCannotStart, match=r"WORK_ENV|rollcall\.toml")
    with environment(load_work=loading(folder)) as here, told:
        here.ready()
    variables.cache_clear()
