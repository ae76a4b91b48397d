"""A work folder's source.py: in its short form, in its full form, and in forms that are refused."""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from handlers import source as example
from handlers import sources
from handlers.aws import work_environment
from handlers.core.batch import BatchRequest, InputObject
from handlers.core.items import chunks
from handlers.core.rejected import ERROR_KEY
from handlers.core.sources import BadSource, Extent, Source, source_of
from handlers.core.user_modules import WorkCannotStart
from rollcall.batches.places import Places

FILE = BatchRequest(input=InputObject("bucket", "orders.csv"))
INPUTS = Source(lambda request: (request, Extent(7, 7)), lambda *part: iter([{"id": f"of the file {part[2:]}"}]))


def source(**functions: Any) -> Source:
    return source_of(SimpleNamespace(**functions), INPUTS)


def five(request: BatchRequest) -> list[dict]:
    return [{"id": str(number), "batch": request.batch_id} for number in range(5)]


def in_parts(request, batch_id, first=0, last=None, skip=0):
    yield from five(request)[first + skip : last]


def ids(items: Any) -> list[str]:
    return [item["id"] for item in items]


def test_items_of_the_request_alone_are_read_as_a_whole_so_that_none_is_lost_whatever_the_count_says():
    own = source(items=five, count=lambda request: 3)
    assert own.survey(BatchRequest()) == (BatchRequest(), Extent(None, 3))
    assert ids(own.items(BatchRequest(), "b", 0, None, 0)) == list("01234")
    assert ids(own.items(BatchRequest(), "b", 0, None, 3)) == list("34")
    assert source(items=five).survey(BatchRequest())[1] == Extent(None, 0)


def test_items_are_told_the_id_of_their_batch():
    assert {item["batch"] for item in source(items=five).items(BatchRequest(), "b7", 0, None, 0)} == {"b7"}


def test_items_that_take_parts_are_asked_for_parts_where_they_can_be_counted():
    own = source(items=in_parts, count=lambda request: 5)
    assert own.survey(BatchRequest())[1] == Extent(5, 5)
    assert ids(own.items(BatchRequest(), "b", 1, 4, 1)) == list("23")
    assert source(items=in_parts).survey(BatchRequest())[1] == Extent(None, 0)


def test_a_survey_of_its_own_is_asked_and_its_items_read_the_input_themselves():
    own = source(items=five, survey=lambda request: (request, Extent(5, 5)))
    assert own.survey(FILE) == (FILE, Extent(5, 5))
    assert ids(own.items(FILE, "b", 1, 3, 0)) == list("12")


@pytest.mark.parametrize("items", [five, in_parts])
def test_a_file_is_read_by_rollcall_whatever_the_own_source_is(items):
    own = source(items=items)
    assert own.survey(FILE) == (FILE, Extent(7, 7))
    assert ids(own.items(FILE, "b", 1, 2, 3)) == ["of the file (1, 2, 3)"]


async def awaited(request):
    return []


async def awaited_one_by_one(request):
    yield {}


@pytest.mark.parametrize(
    ("functions", "says"),
    [
        ({}, r"no function items\(request\)"),
        ({"items": "text"}, r"no function items\(request\)"),
        ({"items": lambda: []}, r"items\(\) must be items\(request\) or items\(request, batch_id, first, last, skip\)"),
        ({"items": lambda request, batch_id: []}, r"items\(request, batch_id\) must be"),
        ({"items": awaited}, "async def"),
        ({"items": awaited_one_by_one}, "async def"),
    ],
)
def test_a_source_of_another_form_is_refused_with_the_form_that_it_has(functions, says):
    with pytest.raises(BadSource, match=says):
        source(**functions)


@pytest.mark.parametrize("given", [None, 7, True])
def test_items_that_are_no_items_at_all_end_the_batch_with_what_they_are(given):
    with pytest.raises(BadSource, match=rf"items returned {given}, and must yield"):
        list(source(items=lambda request: given).items(BatchRequest(), "b", 0, None, 0))


@pytest.mark.parametrize("number", ["5", 1.5, True, -1])
def test_a_count_that_is_no_number_of_items_is_refused(number):
    with pytest.raises(BadSource, match="must return a whole number"):
        source(items=five, count=lambda request: number).survey(BatchRequest())


def test_what_is_no_dict_is_rejected_alone_and_its_neighbours_are_processed():
    own = source(items=lambda request: [{"id": 1}, "a row", {"name": "no id"}, ("id", 2), {"id": "2"}])
    [chunk] = chunks(own.items(BatchRequest(), "b", 0, None, 0), 10, 10_000)
    items = [json.loads(text) for text in chunk.items]
    assert ids(items) == ["1", "item-1", "item-2", "item-3", "2"]
    assert items[1][ERROR_KEY] == "source.py gave 'a row', a str: an item is a dict with an id"
    assert items[2][ERROR_KEY].endswith("it has 'name'")
    assert [Places().title(item) for item in items[:3]] == ["1", "item 1", "item 2"]


def test_the_source_is_imported_when_a_batch_needs_it_and_its_mistake_is_raised_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(work_environment, "prepare", lambda: None)
    monkeypatch.syspath_prepend(tmp_path)
    sources.loaded.cache_clear()
    try:
        assert sources.loaded() == Source(example.survey, example.items)
        sources.loaded.cache_clear()
        (tmp_path / "source.py").write_text("raise ValueError('at its import')\n")
        importlib.invalidate_caches()
        for _ in range(2):
            with pytest.raises(WorkCannotStart, match="cannot be imported: ValueError: at its import"):
                sources.survey(BatchRequest())
        (tmp_path / "source.py").write_text("def items(request): return [{'id': 'mine'}]\n")
        assert ids(sources.items(BatchRequest(), "b")) == ["mine"]
    finally:
        sys.modules.pop("source", None)
        sources.loaded.cache_clear()
