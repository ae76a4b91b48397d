"""What a request may say of how its input is read."""

from dataclasses import fields

import pytest

from handlers.core.batch import BatchRequest, InputObject, InvalidRequest
from handlers.core.reading import CHECKS, Reading

PLACE = {"bucket": "b", "key": "k.csv"}


def parsed(reading: object) -> Reading:
    source = BatchRequest.parse({"input": PLACE | {"reading": reading}}).input
    assert source
    return source.reading


def test_a_reading_survives_its_json_form():
    said = Reading("csv", ";", ("a", "b"), "a", False, "cp1252")
    request = BatchRequest(input=InputObject("b", "k", reading=said, listed=True))
    body = request.to_json()
    assert body["input"] == {
        "bucket": "b",
        "key": "k",
        "listed": True,
        "reading": {
            "version": 1, "format": "csv", "delimiter": ";", "header": ["a", "b"], "idColumn": "a",
            "encoding": "cp1252",
        },
    }  # fmt: skip
    assert BatchRequest.parse(body) == request
    assert {field for field, _ in CHECKS.values()} == {field.name for field in fields(Reading)}


def test_what_is_not_said_is_left_out():
    assert BatchRequest(input=InputObject("b", "k")).to_json()["input"] == {"bucket": "b", "key": "k"}
    assert parsed(None) == parsed({}) == parsed({"version": 1, "delimiter": None}) == Reading()


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ({"delimiter": "tab"}, Reading(delimiter="\t")),
        ({"delimiter": "\\t"}, Reading(delimiter="\t")),
        ({"delimiter": "space"}, Reading(delimiter=" ")),
        ({"delimiter": "^"}, Reading(delimiter="^")),
        ({"encoding": "UTF16"}, Reading(encoding="utf-16")),
        ({"encoding": "Windows-1252"}, Reading(encoding="cp1252")),
        ({"encoding": "latin-1"}, Reading(encoding="iso8859-1")),
        ({"lineIds": True}, Reading(line_ids=True)),
    ],
)
def test_a_delimiter_and_an_encoding_are_known_by_their_usual_names(given, known):
    assert parsed(given) == known


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("csv", "input.reading: 'csv' must be a JSON object"),
        ({"version": 2}, "input.reading.version: 2 must be 1"),
        ({"version": True}, "input.reading.version: True must be 1"),
        ({"seperator": ";"}, "input.reading: unknown field 'seperator'; it may have delimiter, encoding"),
        ({"format": "xlsx"}, "input.reading.format: 'xlsx' must be csv, jsonl, json or inventory"),
        ({"delimiter": ";;"}, "input.reading.delimiter: ';;' must be one character"),
        ({"delimiter": '"'}, "input.reading.delimiter"),
        ({"delimiter": "a"}, "input.reading.delimiter"),
        ({"delimiter": 7}, "input.reading.delimiter"),
        ({"delimiter": ["tab"]}, "input.reading.delimiter"),
        ({"header": "id,name"}, "input.reading.header: 'id,name' must be a list of names"),
        (
            {"header": [f"{n:0200}" for n in range(21)]},
            "input.reading.header: it has 4,200 characters",
        ),
        ({"header": []}, "input.reading.header"),
        ({"header": ["id", ""]}, "input.reading.header: '' must be a text of 1 to 256"),
        ({"header": ["id", "id"]}, "input.reading.header: names the column 'id' twice"),
        ({"idColumn": ""}, "input.reading.idColumn"),
        ({"idColumn": "a", "lineIds": True}, "input.reading: idColumn and lineIds exclude each other"),
        ({"format": "inventory", "lineIds": True}, "input.reading: of an inventory nothing else is said"),
        ({"lineIds": "yes"}, "input.reading.lineIds: 'yes' must be true or false"),
        ({"encoding": "unicode_escape"}, "input.reading.encoding: 'unicode_escape' must name an encoding of text"),
        ({"encoding": "zlib"}, "input.reading.encoding"),
        ({"encoding": "no such"}, "input.reading.encoding"),
        ({"encoding": "a\0b"}, "input.reading.encoding"),
        ({"encoding": 16}, "input.reading.encoding"),
    ],
)
def test_what_is_wrong_in_a_reading_is_named(given, said):
    with pytest.raises(InvalidRequest) as refused:
        parsed(given)
    assert said in str(refused.value)
