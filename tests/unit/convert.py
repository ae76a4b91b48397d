"""What tests of `rollcall convert` share."""

import json
from pathlib import Path
from typing import Any

from tests.checked import checked
from tests.unit.commands import Cli


def converted(cli: Cli, source: Path, *words: str) -> list[dict[str, Any]]:
    """The items that the command makes of a file. A batch reads every one of them."""
    out = source.with_name(f"{source.name}.jsonl")
    code, _, err = cli("convert", str(source), str(out), *words)
    assert (code, err) == (0, "")
    content = out.read_bytes()
    items = [json.loads(line) for line in content.splitlines()]
    found = checked(out.name, content)
    assert found.fine, found
    assert found.items == len(items)
    return items
