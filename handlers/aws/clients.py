"""The clients of AWS's services: how long they wait for an answer, and how often they try again."""

import boto3
from botocore.config import Config

from handlers.aws import Client, settings

# A connection that hangs must not cost an invocation, and with it an attempt at every chunk that it has claimed: the
# SDK's own limits are 60 seconds each. This is between two bytes, so large bodies may take longer as a whole.
CONNECT_SECONDS = 2
READ_SECONDS = 10
# Four tries that all hang, and waits of 1, 2 and 4 seconds at most between them, take 47 seconds: less than the default
# FunctionTimeout. What fails after that is tried again by a queue or a state machine, which wait longer.
TRIES = 4
# The SDK puts a longer one together anew for every call: that takes a sixth of the CPU of the call.
USER_AGENT = "rollcall"


def client(service: str, tries: int = TRIES, connections: int = 10) -> Client:
    """A client of a service, with so many connections at most."""
    return boto3.client(
        service,
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            # At most a third of the function's own timeout, so that it outlives one connection that hangs.
            read_timeout=min(READ_SECONDS, settings.whole("TIMEOUT") / 3),
            retries={"mode": "standard", "total_max_attempts": tries},
            max_pool_connections=connections,
            user_agent=USER_AGENT,
        ),
    )
