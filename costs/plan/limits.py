"""Settings that cannot work, with the limit that forbids them."""


class Impossible(Exception):
    """The batch cannot be run so. `limit` is the quota's name in quotas.toml, or the stack's parameter."""

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(f"{limit}: {message}")
        self.limit = limit
        self.message = message
