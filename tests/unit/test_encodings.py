"""Files in other encodings than UTF-8 are read as UTF-8, however they arrive."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.core.files.encodings import recoded
from handlers.core.files.unreadable import Unreadable

TEXT = 'id,name\r\n1,"Zo\u00eb \U0001f600"\r\n'


class Trickle(io.RawIOBase):
    """A stream of which each read gives a few bytes."""

    def __init__(self, content: bytes, step: int):
        self._content = io.BytesIO(content)
        self._step = step

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self._content.readinto(memoryview(buffer)[: self._step])


def read(content: bytes, encoding: str | None, step: int = 1000) -> bytes:
    stream, _ = recoded(io.BufferedReader(Trickle(content, step), 16), encoding)
    return stream.read()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8", "utf-8-sig"])
@given(text=st.text(st.characters(codec="utf-8"), max_size=40), step=st.integers(1, 20))
def test_a_byte_order_mark_tells_the_encoding(encoding: str, text: str, step: int):
    expected = text.encode(encoding if encoding.startswith("utf-8") else "utf-8")
    if text.startswith("\x00") and encoding == "utf-16":
        return  # its mark and a zero are the mark of UTF-32
    assert read(text.encode(encoding), None, step) == expected


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "gb18030", "utf-16"])
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_an_encoding_that_is_named_is_read(encoding: str, step: int):
    assert read(TEXT.encode(encoding), encoding, step).removeprefix(b"\xef\xbb\xbf").decode() == TEXT


def test_windows_and_japanese_are_read():
    assert read(b"id,gr\xfc\xdfe\n", "cp1252").decode() == "id,gr\u00fc\u00dfe\n"
    assert read("id,\u6f22\u5b57\n".encode("shift_jis"), "shift_jis", 1).decode() == "id,\u6f22\u5b57\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"1,a\n2,\x81\n3,b\n", "cp1252"),
        ("1,a\n2,\ud83d\n3,b\n".encode("utf-16-le", "surrogatepass"), "utf-16-le"),
    ],
)
def test_a_character_that_is_none_spoils_its_line_alone(content: bytes, encoding: str):
    first, second, third, _ = read(content, encoding).split(b"\n")
    assert (first, third) == (b"1,a", b"3,b")
    with pytest.raises(UnicodeDecodeError):
        second.decode()


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_where_the_text_ends_in_a_character_what_stands_before_is_read(step: int):
    stream, plain = recoded(io.BufferedReader(Trickle("1,a\n2,b".encode("utf-16")[:-1], step), 16), None)
    assert not plain
    assert stream.readline() == b"1,a\n"
    with pytest.raises(Unreadable, match="byte 14 and what follows is not utf-16"):
        stream.readline()
