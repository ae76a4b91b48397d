"""The functions' clients: what a call sends that the service does not need."""

import re

import pytest

from handlers.aws import settings
from handlers.aws.clients import USER_AGENT, client


def test_a_call_names_rollcall_and_the_sdks_version_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setitem(settings.VARIABLES, "TIMEOUT", "60")
    sent: list[str] = []

    class Sent(Exception):
        pass

    def send(request, **_):
        sent.append(request.headers["User-Agent"].decode())
        raise Sent

    dynamodb = client("dynamodb")
    dynamodb.meta.events.register("before-send.dynamodb.*", send)
    with pytest.raises(Sent):
        dynamodb.list_tables()
    (name,) = sent
    # Powertools adds its own name to that of every client made after its import.
    assert re.fullmatch(rf"{USER_AGENT} Botocore/[\d.]+( PT/\S+ PTEnv/\S+)?", name)
