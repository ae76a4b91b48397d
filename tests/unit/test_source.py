"""Where items come from."""

import io

from handlers.batch import BatchRequest
from handlers.items import ERROR_KEY, MAX_ITEM_BYTES
from handlers.source import bounded_lines, csv_rows, json_lines, random_items


def lines(text: bytes) -> list[str]:
    return list(bounded_lines(io.BufferedReader(io.BytesIO(text))))


def test_random_items_are_the_same_from_any_start():
    request = BatchRequest(items=50, max_value=20, fail_rate=0.3)
    everything = list(random_items(request, "b", 0))
    assert list(random_items(request, "b", 33)) == everything[33:]
    assert list(random_items(request, "c", 0)) != everything
    assert {item["id"] for item in everything} == {f"{n:09d}" for n in range(50)}


def test_random_values_reach_their_bounds_and_fail_at_the_rate_asked_for():
    everything = list(random_items(BatchRequest(items=20_000, max_value=9, fail_rate=0.25), "b", 0))
    assert {item["value"] for item in everything} == set(range(10))
    assert 4_500 < sum("fail" in item for item in everything) < 5_500


def test_no_item_fails_and_none_sleeps_when_not_asked_to():
    everything = list(random_items(BatchRequest(items=100, max_value=0), "b", 0))
    assert all(item["value"] == 0 and "fail" not in item for item in everything)


def test_a_bad_line_becomes_an_item_that_fails_and_the_others_are_read():
    read = list(json_lines(lines(b'{"id":"a"}\n\nnot json\n[1]\n\xff\xfe\n{"id":"b"}')))
    assert [item["id"] for item in read] == ["a", "line-3", "line-4", "line-5", "b"]
    assert [ERROR_KEY in item for item in read] == [False, True, True, True, False]


def test_a_line_that_is_too_long_does_not_fill_the_memory():
    read = lines(b"x" * (5 * MAX_ITEM_BYTES) + b'\n{"id":"b"}\n')
    assert [len(line) <= MAX_ITEM_BYTES + 1 for line in read] == [True, True]
    assert [item["id"] for item in json_lines(read)] == ["line-1", "b"]


def test_csv_rows_have_the_headers_names():
    assert list(csv_rows(lines(b"id,value\na,1\nb,2\n"))) == [{"id": "a", "value": "1"}, {"id": "b", "value": "2"}]


def test_a_csv_row_with_too_many_fields_becomes_an_item_that_fails():
    read = list(csv_rows(lines(b"id\na,1\nb\n")))
    assert read[0]["id"] == "line-2"
    assert ERROR_KEY in read[0]
    assert read[1] == {"id": "b"}


def test_a_line_nested_beyond_reason_becomes_an_item_that_fails():
    [item] = json_lines(["[" * 200_000])
    assert ERROR_KEY in item
