"""What stands for lines that are no items: their place, text and id, within one write unit."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costs.plan.sizes import EXPIRES
from handlers.core.batch import MAX_GENERATION
from handlers.core.items import checked, item_of_line
from handlers.core.rejected import ERROR_KEY, cut, rejected
from handlers.sqs.encoding import failed_record
from handlers.sqs.records import BatchKey, ChunkKey
from handlers.sqs.sizes import WRITE_BYTES, record_bytes


def test_a_rejected_line_keeps_its_place_its_text_and_its_id():
    assert rejected("line-7", "no item", b'7,"a",b\r\n', "7") == {
        "id": "line-7",
        ERROR_KEY: "no item",
        "$at": {"line": 7},
        "$text": '7,"a",b',
        "$id": "7",
    }
    assert rejected("byte-512", "not UTF-8", b"caf\xe9\n")["$text"] == "caf\\xe9"
    assert rejected("byte-512", "no JSON", b"  \n") == {"id": "byte-512", ERROR_KEY: "no JSON", "$at": {"byte": 512}}


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"id": "a", "text": "x" * 300_000}, "larger than 262,144 bytes: its JSON has 300,020"),
        ({"id": "a", "value": float("nan")}, "JSON cannot say it: it holds NaN"),
    ],
)
def test_an_item_that_cannot_travel_keeps_its_place_and_text_too(item, said):
    found = json.loads(checked(item_of_line(item, "line-3", b'{"id": "a", ...}\n'), 0))
    assert (found["id"], found["$at"], found["$text"]) == ("a", {"line": 3}, '{"id": "a", ...}')
    assert said in found[ERROR_KEY]


ODD = st.text(
    st.sampled_from(["x", "ü", "漢", "😀", "\x00", "\ud83d", '"', "\\", "\uffff"]), min_size=300, max_size=400
)


@given(reason=ODD, text=ODD, item_id=ODD)
def test_the_record_of_a_rejected_line_takes_one_write_unit_whatever_is_in_it(reason, text, item_id):
    item = rejected(f"file-{10**5}-byte-{10**12}", reason, text.encode("utf-8", "surrogatepass"), item_id)
    key = ChunkKey(BatchKey("b" * 80, MAX_GENERATION), 63, 10**12 - 1)
    error = f"InvalidItem: {item[ERROR_KEY]}"
    assert record_bytes(failed_record(key, 9_999, item, error, 1, EXPIRES)) <= WRITE_BYTES


@given(text=ODD, most=st.integers(0, 100))
def test_a_text_is_cut_to_its_bytes_in_json(text, most):
    found = cut(text, most)
    assert len(json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass")) - 2 <= most
    assert text.startswith(found.removesuffix("…"))
    assert cut("short", 5) == "short"


def test_a_reason_of_the_sources_own_can_be_said_too():
    item = json.loads(checked({"id": "a", ERROR_KEY: "half \ud83d " + "x" * 1000}, 0))
    assert item[ERROR_KEY].startswith("half \\ud83d xxx")
    assert len(item[ERROR_KEY]) <= 200
