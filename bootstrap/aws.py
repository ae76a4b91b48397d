"""Sessions: the sandbox by default, an AWS account only when asked for."""

import boto3
import localstack_client.session
from botocore.config import Config
from localstack_client.config import get_service_ports

# What is on loopback is never reached through a company's proxy, and answers or fails quickly.
DIRECT = Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5)

type Session = boto3.Session | SandboxSession


class SandboxSession(localstack_client.session.Session):
    """A session whose every client talks to the sandbox at `endpoint`, with dummy credentials."""

    def __init__(self, endpoint: str):
        super().__init__(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
        # Given nothing else, localstack-client lets AWS_ENDPOINT_URL of the environment decide.
        self._service_endpoint_mapping = dict.fromkeys(get_service_ports(), endpoint)

    def client(self, service_name: str, **kwargs):
        """A boto3 client. A `config` that is given goes before the settings for the sandbox."""
        given = kwargs.pop("config", None)
        return super().client(service_name, config=DIRECT.merge(given) if given else DIRECT, **kwargs)


def session(endpoint: str | None, profile: str | None = None, region: str | None = None) -> Session:
    """A session with the sandbox at `endpoint`; with None, with the AWS account of the user's own configuration.

    `profile` and `region` are for AWS only. Raises botocore's ProfileNotFound.
    """
    if endpoint is None:
        return boto3.Session(profile_name=profile, region_name=region)
    return SandboxSession(endpoint)


def is_sandbox(session: Session) -> bool:
    """Whether what is done with this session happens in a sandbox."""
    return isinstance(session, SandboxSession)
