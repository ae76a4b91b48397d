"""Items in one JSON array, in pieces of any size."""

import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.core.files import json_array
from handlers.core.files.json_array import array_items, elements
from handlers.core.files.unreadable import NOT_READ, ReadableItems, Unreadable
from handlers.core.items import MAX_ITEM_BYTES
from handlers.core.reading import Reading
from handlers.core.rejected import ERROR_KEY


class Trickle(io.BytesIO):
    """A stream of which each read gives a few bytes."""

    def __init__(self, content: bytes, step: int):
        super().__init__(content)
        self._step = step

    def read1(self, size: int | None = -1) -> bytes:
        return self.read(self._step)


def items(content: bytes, step: int = 10_000, skip: int = 0, reading: Reading | None = None) -> list[dict]:
    assert content.startswith(b"[")
    return list(array_items(Trickle(content[1:], step), skip, reading or Reading()))


VALUE = st.recursive(
    st.none() | st.integers() | st.text(max_size=6) | st.sampled_from(['"', "\\", "],[", '\\"}', "\\\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(values=st.lists(VALUE, max_size=6), indent=st.sampled_from([None, 2]), step=st.integers(1, 12))
def test_any_array_that_json_can_say_is_read_in_pieces_of_any_size(values, indent, step):
    content = json.dumps(values, indent=indent, ensure_ascii=bool(step % 2)).encode("utf-8", "surrogatepass")
    found = [json.loads(element.text) for element in elements(Trickle(content[1:] + b" \r\n", step))]
    assert found == values


def test_each_element_is_an_item_and_one_that_is_none_is_rejected_under_its_number():
    read = items(b'[{"id":"a"}, 7, {\'id\':\'b\'}, {"id":9007199254740993}, {"no":1}, {"id":"c"]}, , {"id":"d"},]')
    assert [item["id"] for item in read] == [
        "a", "element-2", "element-3", 9007199254740993, "element-5", "element-6", "element-7", "d", "element-9",
    ]  # fmt: skip
    said = {item["id"]: item[ERROR_KEY] for item in read if ERROR_KEY in item}
    assert "not a JSON object: found '7'" in said["element-2"]
    assert "expected a name in double quotes" in said["element-3"]
    assert "it has 'no'" in said["element-5"]
    assert read[1]["$at"] == {"element": 2}
    assert items(b'[{"id":"a"},{"id":"b"}]', skip=1) == [{"id": "b"}]
    assert items(b'[{"n":1},{"n":2}]', reading=Reading(line_ids=True)) == [{"id": "1", "n": 1}, {"id": "2", "n": 2}]


@pytest.mark.parametrize("content", [b"[]", b"[ \n ]\n\n"])
def test_an_empty_array_has_no_items(content):
    assert items(content) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'[{"id":"a"},{"id":"b"', "the array ends in element 2, before it is closed"),
        (b'[{"id":"a"}', "the array ends in element 1"),
        (b'[{"id":"a"},{"id":"b]', "the array ends in element 2"),
        (b'[{"id":"a"}] []', "there is more text after the end of the array; put all items into one array"),
        (b'[{"id":"a"}]\n{"id":"b"}', "there is more text after the end of the array"),
    ],
)
@pytest.mark.parametrize("step", [1, 1000])
def test_what_stands_before_the_break_of_an_array_is_read(content, said, step):
    source = ReadableItems(array_items(Trickle(content[1:], step)))
    assert [item["id"] for item in source] == (["a"] if b"," in content or b"]" in content else [])
    assert said in (source.reason or "")
    assert (source.reason or "").endswith(NOT_READ)


def test_an_element_that_is_too_long_fails_alone_and_no_array_fills_the_memory():
    long = b'{"id":"x","t":"' + b"y" * (20 * MAX_ITEM_BYTES) + b'"}'
    content = b'[{"id":"a"},' + long + b',{"id":"b"}]'
    tracemalloc.start()
    read = items(content, step=64 * 1024)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [item["id"] for item in read] == ["a", "element-2", "b"]
    assert read[1][ERROR_KEY] == "longer than 262,144 bytes"
    assert peak < len(content) + 8 * MAX_ITEM_BYTES
    edge = b'{"id":"e","t":"' + b"z" * (MAX_ITEM_BYTES - 17) + b'"}'
    assert len(edge) == MAX_ITEM_BYTES
    assert [item["id"] for item in items(b"[  " + edge + b" \n]")] == ["e"]


def test_an_array_that_is_one_endless_element_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_array, "MAX_LINE_BYTES", 3 * MAX_ITEM_BYTES)
    with pytest.raises(Unreadable, match="element 2 of the array has no end before 786,432 bytes"):
        items(b'[{"id":"a"},{"id":"' + b"x" * (5 * MAX_ITEM_BYTES))
