"""Reads `.env`, which holds the values of the secrets for a sandbox."""

import re
from pathlib import Path

from bootstrap.work.problem import BadWork

LINE = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)")
QUOTES = ("'", '"')


def read_dotenv(path: Path) -> dict[str, str]:
    """The values by variable; none if there is no such file. A value may be quoted; it is taken as it is written.

    Raises BadWork for a line that sets no variable. The message does not show the line: it may hold a secret.
    """
    if not path.is_file():
        return {}
    values = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = LINE.fullmatch(line.strip())
        if not found:
            raise BadWork(f"{path}, line {number}: it must be NAME=value, or a comment that begins with #")
        name, value = found.groups()
        if value[:1] in QUOTES:
            if len(value) < 2 or value[-1] != value[0]:
                raise BadWork(f"{path}, line {number}: {name}: the quotation mark at its beginning is not closed")
            value = value[1:-1]
        values[name] = value
    return values
