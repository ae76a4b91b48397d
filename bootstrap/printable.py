"""Text of others made fit to be printed: what would do things to a terminal is shown, not sent."""


def printable(text: str) -> str:
    """`text` with every character that does not print escaped, but line breaks and tabs. Done again it changes nothing.

    Control characters, escapes, what turns the direction of writing, what takes no room, halves of characters.
    """
    return text if text.isprintable() else "".join(each if each in "\n\t" else one_line(each) for each in text)


def one_line(text: str) -> str:
    """`text` with line breaks and tabs escaped too."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
