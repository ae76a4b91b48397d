"""The secrets of the work: in SSM's Parameter Store or in Secrets Manager. Their values are put only into a sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bootstrap.aws import Session
from bootstrap.work.secret import Secret

NOT_THERE = {"ParameterNotFound", "ResourceNotFoundException"}
# Whoever may read a secret may decrypt it with this key, without a permission for the key.
DEFAULT_KEYS = {None, "alias/aws/ssm", "alias/aws/secretsmanager"}


@dataclass(frozen=True)
class Found:
    """A secret that exists. `key_arn` is the key that encrypts it, None for the service's own."""

    arn: str
    key_arn: str | None


def find(session: Session, secret: Secret) -> Found | None:
    """Look a secret up by its name, without reading its value; None if there is none."""
    key: str | None
    if secret.kind == "ssm":
        equals = [{"Key": "Name", "Option": "Equals", "Values": [secret.name]}]
        pages = session.client("ssm").get_paginator("describe_parameters").paginate(ParameterFilters=equals)
        described = next((each for page in pages for each in page["Parameters"]), None)
        if not described:
            return None
        identity = session.client("sts").get_caller_identity()
        partition, account = identity["Arn"].split(":")[1], identity["Account"]
        name = secret.name.removeprefix("/")
        arn = f"arn:{partition}:ssm:{session.region_name}:{account}:parameter/{name}"
        key = described.get("KeyId") if described["Type"] == "SecureString" else None
    else:
        described = there_or_none(session.client("secretsmanager").describe_secret, SecretId=secret.name)
        if not described:
            return None
        arn, key = described["ARN"], described.get("KmsKeyId")
    if key in DEFAULT_KEYS:
        return Found(arn, None)
    metadata = session.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    return Found(arn, None if metadata["KeyManager"] == "AWS" else metadata["Arn"])


def put(session: Session, values: Mapping[Secret, str]) -> list[Secret]:
    """Put the values into the sandbox; returns the secrets that changed."""
    return [secret for secret, value in values.items() if put_one(session, secret, value)]


def put_one(session: Session, secret: Secret, value: str) -> bool:
    """Put one value into the sandbox, unless it is there; returns whether it is new."""
    if secret.kind == "ssm":
        ssm = session.client("ssm")
        there = there_or_none(ssm.get_parameter, Name=secret.name, WithDecryption=True)
        if there and there["Parameter"]["Value"] == value:
            return False
        ssm.put_parameter(Name=secret.name, Value=value, Type="SecureString", Overwrite=True)
        return True
    manager = session.client("secretsmanager")
    there = there_or_none(manager.get_secret_value, SecretId=secret.name)
    if there and there["SecretString"] == value:
        return False
    if there:
        manager.put_secret_value(SecretId=secret.name, SecretString=value)
    else:
        manager.create_secret(Name=secret.name, SecretString=value)
    return True


def there_or_none(ask: Any, **what: Any) -> Any:
    """The service's answer; None if there is no such secret."""
    try:
        return ask(**what)
    except ClientError as error:
        if error.response["Error"]["Code"] in NOT_THERE:
            return None
        raise
