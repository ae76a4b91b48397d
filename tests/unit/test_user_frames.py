"""What a failed item's error says of your code: the line, within what a record has room for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import Permanent
from handlers.core import user_frames
from handlers.core.json_text import dumps
from handlers.core.permanent import is_permanent
from handlers.core.run_items import failure_of
from handlers.core.user_frames import MAX_TRACE, shortened
from handlers.sqs.encoding import failed_record
from handlers.sqs.records import BatchKey, ChunkKey
from handlers.sqs.sizes import WRITE_BYTES, record_bytes

FRAMES = ["\n  work.py, line 12, in process", "\n  helpers.py, line 3, in check", "\n  helpers.py, line 9, in deep"]
TEXT = st.text(st.characters(codec="utf-8"), max_size=300)


def raised(code: str, name: str, error: type[Exception]) -> Exception:
    """What `code` raises, compiled as the file `name`."""
    with pytest.raises(error) as found:
        exec(compile(code, name, "exec"), {})
    return found.value


def test_an_error_names_the_innermost_lines_of_your_code_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(user_frames, "ROOT", tmp_path)
    code = "import json\n\n\ndef process(item):\n    json.loads(item)\n\n\nprocess('{')"
    failure = failure_of(raised(code, f"{tmp_path}/work.py", ValueError))
    message, *frames = failure.error.split("\n")
    assert message.startswith("JSONDecodeError: Expecting property name")
    assert frames == ["  work.py, line 8, in <module>", "  work.py, line 5, in process"]
    assert "json/decoder.py" in failure.traceback


def test_installed_packages_and_our_own_files_are_not_your_code(tmp_path, monkeypatch):
    monkeypatch.setattr(user_frames, "ROOT", tmp_path)
    for file in (f"{tmp_path}/.venv/site-packages/a.py", "/opt/python/a.py", f"{user_frames.OURS}core/outcome.py"):
        assert failure_of(raised("1 / 0", file, ZeroDivisionError)).error == "ZeroDivisionError: division by zero"


def test_the_example_in_place_of_your_code_is_your_code():
    failure = failure_of(raised("1 / 0", user_frames.EXAMPLES[0], ZeroDivisionError))
    assert failure.error.endswith("\n  handlers/work.py, line 1, in <module>")


def test_a_long_traceback_keeps_its_end():
    def deep(left: int) -> None:
        deep(left - 1) if left else 1 // 0

    def deeper(left: int) -> None:
        deep(left % 7) if left > 300 else deeper(left + 1)

    with pytest.raises(ZeroDivisionError) as found:
        deeper(0)
    text = failure_of(found.value).traceback
    assert len(text) <= MAX_TRACE
    assert text.endswith("ZeroDivisionError: integer division or modulo by zero\n")


@given(TEXT, st.integers(0, 3), st.integers(0, 600))
def test_an_error_is_cut_to_its_room_and_its_first_line_goes_last(message, frames, size):
    kept = shortened(message + "".join(FRAMES[:frames]), size)
    assert len(kept.encode()) <= size
    first = message.partition("\n")[0]
    assert kept.startswith(first.encode()[:size].decode(errors="ignore"))
    if len((message + "".join(FRAMES[:frames])).encode()) <= size:
        assert kept == message + "".join(FRAMES[:frames])


def test_of_the_frames_the_innermost_is_kept_before_the_rest_of_the_message():
    error = "ValidationError: 1 error\n" + "x" * 100 + "".join(FRAMES)
    assert shortened(error, 80) == "ValidationError: 1 error\n" + "x" * 25 + FRAMES[2]
    assert shortened(error, 160) == "ValidationError: 1 error\n" + "x" * 100 + FRAMES[2]
    assert shortened(error, 190) == "ValidationError: 1 error\n" + "x" * 100 + FRAMES[1] + FRAMES[2]


@given(item=st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text(max_size=60)), message=TEXT)
def test_a_failed_record_is_one_write_unit_with_its_innermost_frame(item, message):
    error = f"E: {message.splitlines()[0] if message.splitlines() else ''}"[:150] + "".join(FRAMES)
    record = failed_record(ChunkKey(BatchKey("b" * 40, 1), 1, 1), 1, {"id": "i", **item}, error, 3, 1_795_000_000)
    if len(dumps(item).encode()) < 300:
        assert record_bytes(record) <= WRITE_BYTES
        assert record["error"]["S"].endswith(FRAMES[2])


class Refused(Permanent):
    pass


class Invalid(ValueError):
    pass


@pytest.mark.parametrize(
    ("error", "names", "permanent"),
    [
        (Permanent("no"), [], True),
        (Refused("no"), [], True),
        (ValueError("no"), [], False),
        (ValueError("no"), ["ValueError"], True),
        (Invalid("no"), ["ValueError"], True),
        (Invalid("no"), ["Invalid"], True),
        (Invalid("no"), ["tests.unit.test_user_frames.Invalid"], True),
        (Invalid("no"), ["other.Invalid", "KeyError"], False),
        (ValueError("no"), ["Invalid"], False),
        # By the name under which it is imported, of a class that is defined elsewhere.
        (OSError("no"), ["os.error", "nothing.of.this"], True),
        (OSError("no"), ["os.error.more"], False),
    ],
)
def test_an_error_is_permanent_by_its_class_or_its_name(error, names, permanent):
    assert is_permanent(error, names) is permanent
