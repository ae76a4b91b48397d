"""The engine's configuration, the same natively and in its image."""

import os
from pathlib import Path

DEFAULT_PORT = 4566
DEFAULT_PROJECT = "rollcall"
# The extension answers here once it is installed; LocalStack starts without an extension that fails to import.
HEALTH_PATH = "/_rollcall/health"
# The engine's environment variable for more names that `Host` may have, separated by commas.
ALLOWED_HOSTS = "ROLLCALL_ALLOWED_HOSTS"


def engine_environment(host: str, port: int, root: Path) -> dict[str, str]:
    """Environment variables that make `python -m sandbox.engine` the Rollcall sandbox.

    The engine listens on `host`: on loopback natively, on every interface in its container, whose port is published on
    loopback only. `root` is the engine's folder; it clears that at its start, so two engines must not share one.
    """
    return {
        "GATEWAY_LISTEN": f"{host}:{port}",
        "LOCALSTACK_HOST": f"127.0.0.1:{port}",
        "FILESYSTEM_ROOT": str(root),
        # LocalStack guesses whether it runs in a container, and chooses folders and addresses by that.
        "OVERRIDE_IN_DOCKER": "0",
        # LocalStack's own clients hand their calls straight to its gateway, which does all that it does with others.
        "IN_MEMORY_CLIENT": "1",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "PROVIDER_OVERRIDE_DYNAMODB": "moto",
        "SQS_ENDPOINT_STRATEGY": "path",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        "LS_LOG": "warning",
        # The C library would keep the memory of zips that have passed through, 50 MB.
        "MALLOC_MMAP_THRESHOLD_": "1000000",
        ALLOWED_HOSTS: os.environ.get(ALLOWED_HOSTS, ""),
        "PYTHONWARNINGS": "ignore",  # LocalStack sets this too, but only once it has started
    }
