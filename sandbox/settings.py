"""How the engine is configured, natively and in its image alike."""

import os
from pathlib import Path

DEFAULT_PORT = 4566
DEFAULT_PROJECT = "rollcall"
# Answered by the extension once all of it is installed: LocalStack itself starts without it when its import fails.
HEALTH_PATH = "/_rollcall/health"
# Environment variable of the engine: names, separated by commas, that `Host` may have beside this machine's own.
ALLOWED_HOSTS = "ROLLCALL_ALLOWED_HOSTS"


def engine_environment(host: str, port: int, root: Path) -> dict[str, str]:
    """Environment variables that make `python -m sandbox.engine` the Rollcall sandbox.

    `host` is the address it listens on: loopback natively, every interface inside its container, whose port is
    published on loopback only. `root` is the folder for its files: two engines on one machine must not share it,
    because each clears it when it starts.
    """
    return {
        "GATEWAY_LISTEN": f"{host}:{port}",
        "LOCALSTACK_HOST": f"127.0.0.1:{port}",
        "FILESYSTEM_ROOT": str(root),
        # LocalStack guesses whether it is in a container, and then takes folders and addresses of its own.
        "OVERRIDE_IN_DOCKER": "0",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "PROVIDER_OVERRIDE_DYNAMODB": "moto",
        "SQS_ENDPOINT_STRATEGY": "path",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        "LS_LOG": "warning",
        ALLOWED_HOSTS: os.environ.get(ALLOWED_HOSTS, ""),
        "PYTHONWARNINGS": "ignore",  # as LocalStack does, but only once it has started
    }
