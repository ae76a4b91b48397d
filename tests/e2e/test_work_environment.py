"""The variables and secrets of your own code: read from the services, with their decryption, once per environment."""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

from handlers.aws import settings, work_environment
from handlers.core.user_modules import WorkCannotStart
from sandbox.state import Sandbox


@pytest.fixture
def configured(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """`configured(environment, secrets)` makes this process a function that has them."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", sandbox.endpoint)
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setitem(settings.VARIABLES, "TIMEOUT", "30")

    def configure(environment: dict[str, str], secrets: dict[str, str]) -> None:
        monkeypatch.setitem(settings.VARIABLES, "WORK_ENVIRONMENT", json.dumps(environment))
        monkeypatch.setitem(settings.VARIABLES, "WORK_SECRETS", json.dumps(secrets))
        work_environment.variables.cache_clear()

    yield configure
    work_environment.variables.cache_clear()


def test_variables_and_secrets_are_set_before_your_code_is_imported(aws: Callable[[str], Any], configured):
    name = f"/rollcall/{uuid.uuid4().hex}/"
    # More than one call takes.
    for number in range(12):
        aws("ssm").put_parameter(Name=f"{name}{number}", Value=f"value {number}", Type="SecureString")
    secret = aws("secretsmanager").create_secret(Name=f"{name}secret", SecretString="it")["Name"]
    secrets = {f"P{number}": f"ssm:{name}{number}" for number in range(12)} | {"S": f"secretsmanager:{secret}"}
    configured({"TZ": "Asia/Tokyo", "API_URL": "https://example.com"}, secrets)
    with mock.patch.dict(os.environ):
        work_environment.prepare()
        assert {name: os.environ[name] for name in secrets} == {
            **{f"P{number}": f"value {number}" for number in range(12)},
            "S": "it",
        }
        assert (os.environ["API_URL"], time.tzname[0]) == ("https://example.com", "JST")
    time.tzset()
    aws("ssm").put_parameter(Name=f"{name}0", Value="another", Type="SecureString", Overwrite=True)
    assert work_environment.variables()["P0"] == "value 0"


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("ssm:/nothing/of/this", "ssm:/nothing/of/this: there is no such parameter"),
        (
            "secretsmanager:nothing/of/this",
            "secretsmanager:nothing/of/this cannot be read: .*ResourceNotFoundException",
        ),
    ],
)
def test_a_secret_that_cannot_be_read_is_told_by_its_name_and_the_services_error(configured, place, says):
    configured({}, {"API_KEY": place})
    with pytest.raises(WorkCannotStart, match=says):
        work_environment.prepare()


def test_the_name_of_a_secret_that_is_denied_is_told(configured, plan):
    configured({}, {"API_KEY": "ssm:/shop/key"})
    plan(
        {
            "kind": "error",
            "service": "ssm",
            "operation": "GetParameters",
            "error": "AccessDeniedException",
            "status": 400,
        }
    )
    with pytest.raises(WorkCannotStart, match=r"ssm:/shop/key cannot be read: .*AccessDeniedException"):
        work_environment.prepare()


def test_nothing_is_read_where_there_are_no_secrets(configured, monkeypatch):
    monkeypatch.setattr(work_environment, "client", pytest.fail)
    configured({"A": "1"}, {})
    assert work_environment.variables() == {"A": "1"}
