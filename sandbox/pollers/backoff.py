"""A pause that grows with each failure in a row."""

_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 15.0


class Backoff:
    """`seconds` is 0 after a success; after failures 0.5, 1, 2 ... up to 15."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def failed(self) -> None:
        self.seconds = min(max(2 * self.seconds, _FIRST_SECONDS), _LONGEST_SECONDS)

    def succeeded(self) -> None:
        self.seconds = 0.0
