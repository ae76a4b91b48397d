"""Foreign text in our own sentences: cut, with characters that cannot be printed escaped."""

QUOTED_CHARACTERS = 40


def shown(text: str) -> str:
    """`text` with every character that cannot be printed, and every unusual space, as an escape."""
    return text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def quoted(text: str, length: int = QUOTED_CHARACTERS) -> str:
    """The first `length` characters of `text` in quotation marks, unusual characters escaped."""
    return f"'{shown(text[:length])}{'…' if len(text) > length else ''}'"
