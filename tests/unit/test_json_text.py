"""JSON as it travels: few bytes, and no character that a service refuses."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.core.json_text import NoJson, dumps, sealed, unsealed, utf8_bytes

# What SQS takes: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
TAKEN = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
ANY_TEXT = (
    st.text(st.characters(exclude_categories=()))
    | st.just("\\ud83d")
    | st.text(st.sampled_from(["\ud83d", "\ude00", "\ufffe", "\uffff", "\x00", "\x7f", '"', "\\", "ü", "漢", "😀"]))
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_sqs_takes_whatever_is_said_in_json_and_it_reads_back_the_same(value):
    text = dumps(value)
    assert TAKEN.fullmatch(text)
    assert json.loads(text) == json.loads(json.dumps(value))
    assert utf8_bytes(text) == len(text.encode())


def test_a_character_takes_as_many_bytes_as_in_utf_8():
    assert utf8_bytes(dumps({"text": "ü漢😀" * 100})) == len('{"text":""}') + 9 * 100


@given(st.dictionaries(ANY_TEXT, VALUES, max_size=3))
def test_a_sealed_item_has_no_half_character_for_whoever_takes_its_json_apart(fields):
    item = {"id": "a", **fields}
    inside = json.loads(sealed(dumps(item)))
    json.dumps(inside, ensure_ascii=False).encode()
    assert unsealed(inside) == json.loads(dumps(item))


def test_only_an_item_with_half_a_character_is_sealed():
    whole = {"id": "a", "text": "ü漢😀\uffff", "$json": "{}"}
    assert json.loads(sealed(dumps(whole))) == unsealed(whole) == whole


def endless() -> list:
    circle: list = []
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({1, 2}, "it holds a set"),
        ([b"x"], "it holds a bytes"),
        ({"a": float("nan")}, "it holds NaN"),
        (endless(), "or itself"),
        ({(1, 2): 3}, "names in an object must be texts"),
    ],
)
def test_what_json_cannot_say_is_told_in_our_words(value, said):
    with pytest.raises(NoJson, match=said):
        dumps(value)
