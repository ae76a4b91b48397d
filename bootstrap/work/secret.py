"""The place of a secret: the service that keeps it, and its name there."""

import re
from typing import NamedTuple

# Where a secret may be, and what names it may have there.
KINDS = {
    "ssm": re.compile(r"[A-Za-z0-9_.-]{1,1011}|(/[A-Za-z0-9_.-]+){1,15}"),
    "secretsmanager": re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}"),
}


class Secret(NamedTuple):
    """The place of a secret. `kind` is one of KINDS."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"
