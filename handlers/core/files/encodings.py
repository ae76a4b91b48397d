"""Text in another encoding than UTF-8, read as UTF-8."""

import codecs
import io

from handlers.core.files.unreadable import Unreadable

# The longer mark first: UTF-32's begins with UTF-16's.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LONGEST_MARK = 4
BUFFER_BYTES = 64 * 1024
# A mark of UTF-8 is passed over wherever lines are read.
UTF_8 = ("utf-8", "utf-8-sig")


def marked_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32, if the text begins with a byte order mark of it."""
    return next((encoding for mark, encoding in MARKS if head.startswith(mark)), None)


def as_utf_8(head: bytes, encoding: str | None) -> bytes:
    """The beginning of a file as UTF-8; it may end within a character. Raises Unreadable as Recoded does."""
    stream, _ = recoded(io.BytesIO(head), encoding, whole=False)
    return stream.read()


def recoded(stream: io.BufferedIOBase, encoding: str | None, whole: bool = True) -> tuple[io.BufferedReader, bool]:
    """A file as UTF-8, from its beginning on, and whether it is so already.

    Without an `encoding` its byte order mark tells it. With `whole` the stream must end behind a character.
    """
    head = b"" if encoding else stream.read(LONGEST_MARK)
    encoding = encoding or marked_encoding(head)
    content: io.RawIOBase = Continued(head, stream)
    if plain := encoding is None or encoding in UTF_8:
        return io.BufferedReader(content, BUFFER_BYTES), plain
    return io.BufferedReader(Recoded(content, encoding, whole), BUFFER_BYTES), plain


class Continued(io.RawIOBase):
    """A stream whose beginning has been read already."""

    def __init__(self, head: bytes, stream: io.BufferedIOBase):
        self._head = head
        self._stream = stream

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._stream.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._head:
            count = min(len(buffer), len(self._head))
            buffer[:count], self._head = self._head[:count], self._head[count:]
            return count
        return self._stream.readinto1(buffer)


class Recoded(io.RawIOBase):
    """A stream of bytes in an encoding, as UTF-8. Raises Unreadable behind the last character that can be read.

    A single character that is none, such as half a pair of UTF-16, becomes bytes that are no UTF-8: then only its line
    is rejected.
    """

    def __init__(self, stream: io.RawIOBase, encoding: str, whole: bool):
        self._stream = stream
        self._encoding = encoding
        self._whole = whole
        self._errors = "surrogatepass" if encoding.startswith("utf-") else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)
        self._made = b""
        self._read = 0
        self._broken_at: int | None = None

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._stream.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._made:
            if self._broken_at is not None:
                raise Unreadable(
                    f"byte {self._broken_at:,} and what follows is not {self._encoding}",
                    "save it as UTF-8, or give its encoding with --encoding",
                )
            piece = self._stream.read(io.DEFAULT_BUFFER_SIZE)
            if not piece and (not self._whole or not self._decoder.getstate()[0]):
                return 0
            self._made = self._decoded(piece or b"").encode("utf-8", self._errors)
        count = min(len(buffer), len(self._made))
        buffer[:count], self._made = self._made[:count], self._made[count:]
        return count

    def _decoded(self, piece: bytes) -> str:
        before = self._decoder.getstate()
        self._read += len(piece)
        try:
            return self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            # Up to the same character, wherever the pieces end: a batch must find the same items again.
            self._broken_at = self._read - len(piece) - len(before[0]) + error.start
            self._decoder.setstate(before)
            return self._decoder.decode(piece[: max(0, error.start - len(before[0]))])
