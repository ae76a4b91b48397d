"""Escapes characters in foreign text that a terminal would obey instead of showing."""


def printable(text: str) -> str:
    """Escape the unprintable characters of `text`, except line breaks and tabs. A second call changes nothing.

    They are control characters, changes of the direction of writing, characters of no width, and lone surrogates.
    """
    return text if text.isprintable() else "".join(c if c in "\n\t" else one_line(c) for c in text)


def one_line(text: str) -> str:
    """Escape the unprintable characters of `text`, line breaks and tabs too."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
