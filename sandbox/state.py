"""A sandbox as the other packages see it: its name, its endpoint, its files."""

import http.client
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.settings import HEALTH_PATH

REPOSITORY = Path(__file__).resolve().parents[1]
# The engine of a port that the user named and that this checkout's sandbox does not have.
UNKNOWN = "unknown"


class SandboxError(Exception):
    """The sandbox could not be chosen, started or stopped; the message names the next step."""


@dataclass(frozen=True)
class Sandbox:
    """A started engine; `engine` is `native`, `docker` or UNKNOWN."""

    engine: str
    port: int
    project: str

    @property
    def endpoint(self) -> str:
        """The URL for AWS clients of this sandbox."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path | None:
        """The native engine's log file; None in Docker, which keeps the log itself."""
        return state_folder(self.project) / "engine.log" if self.engine == "native" else None

    def healthy(self) -> bool:
        """Whether the engine answers its health check within two seconds."""
        # Not urllib: it would send this to a configured proxy.
        failures = (OSError, http.client.HTTPException)
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)) as connection, suppress(*failures):
            connection.request("GET", HEALTH_PATH)
            return connection.getresponse().status == 200
        return False


def state_folder(project: str) -> Path:
    """The folder of the repository in which a native sandbox keeps its files."""
    return REPOSITORY / ".rollcall" / project
