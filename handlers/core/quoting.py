"""Texts of others in our own sentences: cut, and with odd characters shown. Pure."""

QUOTED_CHARACTERS = 40


def shown(text: str) -> str:
    """`text` with every character that cannot be printed, or is a space of an odd kind, as an escape."""
    return text if text.isprintable() else "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def quoted(text: str, most: int = QUOTED_CHARACTERS) -> str:
    """The beginning of `text` in quotation marks, odd characters shown."""
    return f"'{shown(text[:most])}{'…' if len(text) > most else ''}'"
