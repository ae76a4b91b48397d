"""Where a row of CSV ends that is too long to be held: only its quotes are followed. Pure."""

START, PLAIN, QUOTED, QUOTE = range(4)


class RowEnd:
    """Follows a row in pieces of any size, each of which ends at a line's end or within a line.

    `reached`: what was fed so far is a whole row. `broken`: it is none, by csv.reader's rules.
    """

    def __init__(self) -> None:
        # At the start of a field; within one without quotes, or after its quotes; within quotes; after a quote there,
        # which is the last one or the first of two.
        self._state = START
        self.reached = self.broken = False

    @property
    def open(self) -> bool:
        """Whether a quote is not closed so far."""
        return self._state == QUOTED

    def feed(self, piece: bytes) -> None:
        """Follow the quotes through one more piece."""
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
