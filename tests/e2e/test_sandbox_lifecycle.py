"""Sandboxes of their own are started, found, started again and stopped."""

from sandbox.state import Sandbox


def test_the_sandbox_answers_on_loopback(sandbox: Sandbox, aws) -> None:
    assert sandbox.healthy()
    assert aws("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
