"""The engine's own S3 calls need no name server."""

import socket

from localstack.utils.aws.aws_stack import get_s3_hostname

from sandbox.engine import spared_work


def test_the_s3_host_is_known_without_a_look_up(monkeypatch):
    def look_up(host):
        raise AssertionError(f"looked up {host}")

    monkeypatch.setattr(socket, "gethostbyname", look_up)
    spared_work.install()
    assert get_s3_hostname() == "localhost"
