"""The engine as an account of AWS: a session with it is none with a sandbox, so what is done on AWS is done here."""

import json
import urllib.request
from collections import defaultdict
from typing import Any

import boto3

from bootstrap.aws import DIRECT, REGION
from sandbox.state import Sandbox

ACCOUNT = "000000000000"


class AwsSession(boto3.Session):
    """A session whose clients call the engine at `endpoint`, with the credentials that it is made with."""

    def __init__(self, endpoint: str, access_key: str = "test", secret_key: str = "test", token: str | None = None):
        super().__init__(access_key, secret_key, token, region_name=REGION)
        self._endpoint = endpoint

    def client(self, service_name: str, **kwargs: Any) -> Any:
        return super().client(service_name, **{"endpoint_url": self._endpoint, "config": DIRECT, **kwargs})

    def in_role(self, name: str) -> "AwsSession":
        """A session in a role, which is made."""
        self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        answer = self.client("sts").assume_role(RoleArn=arn_of(name), RoleSessionName="test")["Credentials"]
        return AwsSession(self._endpoint, answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])


def arn_of(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


def calls_in(sandbox: Sandbox, *roles: str) -> dict[str, set[tuple[str, str]]]:
    """What was called in each of these roles, as (action, resource)."""
    with urllib.request.urlopen(f"{sandbox.endpoint}/_rollcall/permissions") as answer:
        calls = json.load(answer)["calls"]
    found = defaultdict(set)
    for call in calls:
        found[call["role"]].add((call["action"], call["resource"]))
    return {role: found[arn_of(role)] for role in roles}
