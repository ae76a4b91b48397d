"""Quotas of calls, and an account's concurrency."""

import json
from contextlib import ExitStack
from functools import partial
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.e2e.faults.parts import Inject, put, stored
from tests.e2e.test_distributed_map import Machine
from tests.e2e.test_pollers import Consumer
from tests.probes import eventually

pytest_plugins = ("tests.e2e.executor_deploy",)


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("stepfunctions", "ListStateMachines", "ThrottlingException", 400),
        ("lambda", "ListFunctions", "TooManyRequestsException", 429),
        ("dynamodb", "ListTables", "ThrottlingException", 400),
        ("dynamodb", "Scan", "ProvisionedThroughputExceededException", 400),
        ("sqs", "ListQueues", "RequestThrottled", 400),
        ("events", "ListRules", "ThrottlingException", 400),
        ("s3", "ListBuckets", "SlowDown", 503),
        ("iam", "ListRoles", "Throttling", 400),
    ],
)
def test_a_call_beyond_its_quota_is_refused_as_the_service_refuses_it(
    aws, inject: Inject, table: str, service: str, operation: str, code: str, status: int
):
    client = boto3.client(
        service, endpoint_url=aws(service).meta.endpoint_url, config=Config(retries={"total_max_attempts": 1})
    )
    call = partial(getattr(client, xform_name(operation)), **({"TableName": table} if operation == "Scan" else {}))
    report = inject({"kind": "quota", "service": service, "operation": operation, "per_second": 0, "burst": 2})
    call()
    call()
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert (report()["seen"], report()["injected"]) == (3, 1)


def test_a_quota_refills_so_the_sdks_own_retries_get_over_it(inject: Inject, caller, table: str):
    report = inject({"kind": "quota", "operation": "PutItem", "per_second": 10})
    attempts = [caller.invoke(put(table) | {"attempts": 8}).payload["attempts"] for _ in range(3)]
    assert max(attempts) > 1
    assert report()["injected"] == sum(attempts) - 3


def test_what_a_service_calls_for_its_user_needs_no_token_of_a_quota(
    aws, inject: Inject, consumer: Consumer, undo: ExitStack
):
    def event(name: str) -> dict[str, Any]:
        attributes = {"ApproximateReceiveCount": "1"}
        return {"Records": [{"body": json.dumps({"name": name}), "attributes": attributes, "messageId": "none"}]}

    def invoke() -> None:
        aws("lambda").invoke(FunctionName=consumer.name, Payload=json.dumps(event("by a user")))

    function = f"arn:aws:lambda:us-east-1:000000000000:function:{consumer.name}"
    task = {"Type": "Task", "Resource": function, "Parameters": event("by a state machine"), "End": True}
    made = Machine(aws, "STANDARD", [1, 2], {"StartAt": "Only", "States": {"Only": task}})
    undo.callback(made.remove)
    consumer.map()
    inject({"kind": "quota", "service": "lambda", "operation": "Invoke", "per_second": 0, "burst": 1})
    invoke()
    assert made.run()["status"] == "SUCCEEDED"
    consumer.send({"name": "by an event source"})
    consumer.wait_for_names(["by a state machine"] * 2 + ["by a user", "by an event source"])
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        invoke()


def test_beyond_the_accounts_concurrency_an_invocation_is_refused_and_an_asynchronous_one_comes_later(
    aws, inject: Inject, caller, table: str
):
    functions = aws("lambda")
    report = inject({"kind": "concurrency", "limit": 1})
    assert functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1
    functions.invoke(
        FunctionName=caller.name, InvocationType="Event", Payload=json.dumps(put(table, "first") | {"rest": 3})
    )

    def under_way() -> None:
        assert stored(aws, table) == {"first"}

    eventually(under_way)
    functions.invoke(FunctionName=caller.name, InvocationType="Event", Payload=json.dumps(put(table, "second")))
    with pytest.raises(functions.exceptions.TooManyRequestsException) as caught:
        functions.invoke(FunctionName=caller.name, Payload=json.dumps(put(table, "third")))
    refusal = caught.value.response
    assert (refusal["Reason"], refusal["ResponseMetadata"]["HTTPStatusCode"]) == (
        "ConcurrentInvocationLimitExceeded", 429
    )  # fmt: skip

    def both() -> None:
        assert stored(aws, table) == {"first", "second"}

    eventually(both)
    assert report()["injected"] >= 2
    inject({"kind": "delay", "seconds": 0, "service": "none"})
    assert functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1000
