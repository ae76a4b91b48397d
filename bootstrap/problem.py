"""An error that a person reads."""


class Problem(Exception):
    """What failed, for which input, and what was expected; `hint` is what to do next."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
