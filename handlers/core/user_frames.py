"""Where in your own code an exception was raised: the part of a traceback that you can act on."""

import re
import traceback
from collections import deque
from pathlib import Path

from handlers.core.json_text import utf8_bytes

# The folder that your modules are below: the root of the functions' zip.
ROOT = Path(__file__).parents[2]
# Below it, but not yours. The example in handlers/ stands in the place of your modules.
OURS = str(ROOT / "handlers") + "/"
EXAMPLES = (f"{OURS}work.py", f"{OURS}source.py")
INSTALLED = "/site-packages/"
# The innermost frames say the most.
FRAMES = 3
FRAME = re.compile(r"  .+, line \d+, in .+")
MAX_TRACE = 16_000


def frames_of(error: BaseException) -> list[str]:
    """The innermost frames of your code, the last one last: `work.py, line 12, in process`. Raises nothing."""
    frames: deque[str] = deque(maxlen=FRAMES)
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        if is_yours(name):
            frames.append(f"{name.removeprefix(f'{ROOT}/')}, line {line}, in {frame.f_code.co_name}")
    return list(frames)


def with_frames(message: str, error: BaseException) -> str:
    """An error's message, and below it the innermost frames of your code. Raises nothing."""
    return "\n".join([message, *(f"  {frame}" for frame in frames_of(error))])


def is_yours(file: str) -> bool:
    """Whether a file has your own code."""
    return file in EXAMPLES or (file.startswith(f"{ROOT}/") and not file.startswith(OURS) and INSTALLED not in file)


def shortened(error: str, size: int) -> str:
    """An error with its frames, in at most `size` bytes of UTF-8.

    Its first line is kept before all, then the innermost frame, the rest of the message, and other frames.
    """
    lines = error.split("\n")
    first = len(lines)
    while first > 1 and FRAME.fullmatch(lines[first - 1]):
        first -= 1
    message, frames = "\n".join(lines[:first]), [f"\n{line}" for line in lines[first:]]
    room = size - sum(map(utf8_bytes, frames[-1:]))
    if utf8_bytes(message.partition("\n")[0]) > room:
        return beginning(message, size)
    kept, shown = beginning(message, room), ""
    for frame in reversed(frames):
        if utf8_bytes(kept + frame + shown) > size:
            break
        shown = frame + shown
    return kept + shown


def beginning(text: str, size: int) -> str:
    """The longest beginning of a text that fits into `size` bytes of UTF-8."""
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")


def whole_traceback(error: BaseException) -> str:
    """The traceback as Python prints it: without our own frames before your code, your files by their path from the
    root, and the end if it is long. Raises nothing.
    """
    first = error.__traceback__
    while first and first.tb_frame.f_code.co_filename.startswith(OURS) and first.tb_next:
        first = first.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, first))
    except BaseException:  # noqa: BLE001 - an exception of your own class may raise anything
        text = "".join(traceback.format_tb(first))
    return text.replace(f'File "{ROOT}/', 'File "')[-MAX_TRACE:]
