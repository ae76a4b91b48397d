"""Finds the end of a CSV row that is too long to be held in memory, by following its quotes."""

START, PLAIN, QUOTED, QUOTE = range(4)


class RowEnd:
    """Follows a row in pieces of any size; a piece never reaches beyond a line's end.

    `reached`: the pieces so far are a whole row. `broken`: they cannot be a row, by csv.reader's rules.
    """

    def __init__(self) -> None:
        # START of a field; PLAIN: in a field without quotes, or behind its quotes; QUOTED: in quotes; QUOTE: behind a
        # quote within quotes, which closes the field or is the first of two.
        self._state = START
        self.reached = self.broken = False

    @property
    def open(self) -> bool:
        """Whether a quote is not closed yet."""
        return self._state == QUOTED

    def feed(self, piece: bytes) -> None:
        """Follow the quotes through the next piece."""
        at = 0
        while at < len(piece):
            if self._state == QUOTED:
                at = piece.find(b'"', at) + 1 or len(piece) + 1
                self._state = QUOTE if at <= len(piece) else QUOTED
            elif self._state == PLAIN:
                at = piece.find(b",", at) + 1 or len(piece) + 1
                self._state = START if at <= len(piece) else PLAIN
            elif piece[at] == ord('"'):
                self._state = QUOTED
                at += 1
            elif piece[at] == ord(","):
                self._state = START
                at += 1
            else:
                self.broken = self.broken or (self._state == QUOTE and piece[at] not in b"\r\n")
                self._state = PLAIN
        self.reached = self._state != QUOTED and piece.endswith(b"\n")
