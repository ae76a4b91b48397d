"""The documents as the tests of them read them."""

import re

from sandbox.state import REPOSITORY

DOCUMENTS = sorted(path.relative_to(REPOSITORY) for path in (*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")))
# In a code block a backtick is the shell's, and a line of output stays as it was printed.
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def text_of(document: object) -> str:
    """A document's text, code blocks included."""
    return (REPOSITORY / str(document)).read_text()


def prose_of(document: object) -> str:
    """A document's text without its code blocks."""
    return FENCED.sub("", text_of(document))


def quoted_in(text: str) -> list[str]:
    """What stands in backticks in a text."""
    return re.findall(r"`([^`\n]+)`", text)
