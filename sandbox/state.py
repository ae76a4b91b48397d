"""A sandbox as the rest of the project sees it: its name, where it answers, where its files are."""

import http.client
from dataclasses import dataclass
from pathlib import Path

from sandbox.settings import HEALTH_PATH

REPOSITORY = Path(__file__).resolve().parents[1]
# The engine behind a port that was asked for, where it is not the one of the project of this checkout.
UNKNOWN = "unknown"


class SandboxError(Exception):
    """The sandbox could not be chosen, started or stopped; the message says what to do next."""


@dataclass(frozen=True)
class Sandbox:
    """One engine that was started: `engine` is `native`, `docker` or UNKNOWN."""

    engine: str
    port: int
    project: str

    @property
    def endpoint(self) -> str:
        """The URL every AWS client of this sandbox uses."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path | None:
        """File the native engine writes its log to; None in Docker, which keeps it."""
        return state_folder(self.project) / "engine.log" if self.engine == "native" else None

    def healthy(self) -> bool:
        """Whether the engine answers its health check within two seconds."""
        # Not urllib: it would ask a company's proxy for 127.0.0.1.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", HEALTH_PATH)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def state_folder(project: str) -> Path:
    """Folder of the repository that holds everything a native sandbox writes."""
    return REPOSITORY / ".rollcall" / project
