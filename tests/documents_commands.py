"""The commands that a document tells its reader to give."""

import re

from sandbox.state import REPOSITORY

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands_in(document: str) -> dict[str, list[str]]:
    """Each command of the blocks `console`, by the title of its section; one of several lines is put together."""
    sections = re.split(r"^## ", (REPOSITORY / document).read_text(), flags=re.MULTILINE)[1:]
    found = {}
    for section in sections:
        lines = "".join(BLOCK.findall(section)).replace("\\\n", "")
        found[section.partition("\n")[0]] = re.findall(r"^\$ (.+)$", lines, re.MULTILINE)
    return {title: commands for title, commands in found.items() if commands}
