"""The health check of the engine's container: `python -m sandbox.engine.health` exits 0 if the engine answers."""

import os
import sys

from sandbox.state import Sandbox

if __name__ == "__main__":
    sys.exit(not Sandbox("docker", int(os.environ["ROLLCALL_PORT"]), "").healthy())
