"""The error for mistakes and conditions that the user can fix."""


class Problem(Exception):
    """The message says what failed, for which input, and what was expected; `hint` says what to do next."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
