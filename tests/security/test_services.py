"""Which services the engine serves: each by AWS's own client, whatever protocol it speaks."""

import http.client
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.state import Sandbox

SERVED = {
    "cloudformation": "list_stacks",
    "cloudwatch": "list_metrics",
    "dynamodb": "list_tables",
    "events": "list_rules",
    "iam": "list_roles",
    "kms": "list_keys",
    "lambda": "list_functions",
    "logs": "describe_log_groups",
    "s3": "list_buckets",
    "secretsmanager": "list_secrets",
    "sns": "list_topics",
    "sqs": "list_queues",
    "ssm": "describe_parameters",
    "stepfunctions": "list_state_machines",
    "sts": "get_caller_identity",
}
# By protocol; of each some that LocalStack has a provider for, and one that it has none for.
REFUSED = {
    "query": {"ses": "list_identities", "redshift": "describe_clusters", "elasticache": "describe_cache_clusters"},
    "ec2": {"ec2": "describe_instances"},
    "json": {
        "acm": "list_certificates",
        "firehose": "list_delivery_streams",
        "dynamodbstreams": "list_streams",
        "support": "describe_cases",
        "ecs": "list_clusters",
    },
    "rest-json": {
        "apigateway": "get_rest_apis",
        "opensearch": "list_domain_names",
        "scheduler": "list_schedules",
        "eks": "list_clusters",
    },
    "rest-xml": {"route53": "list_hosted_zones", "cloudfront": "list_distributions"},
    "cbor": {"kinesis": "list_streams"},
}


def ask(sandbox: Sandbox, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=30)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize(("service", "operation"), SERVED.items())
def test_these_services_are_served(aws: Callable[[str], Any], service: str, operation: str) -> None:
    assert getattr(aws(service), operation)()["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(("service", "operation"), [case for services in REFUSED.values() for case in services.items()])
def test_every_other_service_is_refused_in_the_shape_of_its_protocol(
    aws: Callable[[str], Any], service: str, operation: str
) -> None:
    with pytest.raises(ClientError) as refusal:
        getattr(aws(service), operation)()
    answer = refusal.value.response
    assert answer["Error"]["Code"] == "ServiceNotServed"
    assert answer["Error"]["Message"].startswith(f"the Rollcall sandbox does not serve {service}: it serves ")
    assert ", ".join(sorted(SERVED)) in answer["Error"]["Message"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Amz-Target": "Kinesis_20131202.ListStreams", "Content-Type": "application/x-amz-cbor-1.1"},
        {"X-Amz-Target": "Kinesis_20131202.NoSuchCall", "Content-Type": "application/x-amz-json-1.1"},
    ],
)
def test_a_call_is_refused_before_it_is_understood(sandbox: Sandbox, headers: dict[str, str]) -> None:
    status, answer = ask(sandbox, "POST", "/", b"\xa0", headers)
    assert status == 501
    assert b"the Rollcall sandbox does not serve " in answer


def test_nothing_of_a_service_that_is_not_served_is_loaded(sandbox: Sandbox) -> None:
    status, answer = ask(sandbox, "GET", "/_localstack/health", b"", {})
    assert status == 200
    assert b"kinesis" not in answer
    assert b"apigateway" not in answer


def test_a_template_with_a_service_that_is_not_served_fails_with_the_reason(aws: Callable[[str], Any]) -> None:
    stacks = aws("cloudformation")
    template = '{"Resources": {"Stream": {"Type": "AWS::Kinesis::Stream", "Properties": {"ShardCount": 1}}}}'
    stacks.create_stack(StackName="stream", TemplateBody=template)
    with pytest.raises(Exception, match="Waiter StackCreateComplete failed"):
        stacks.get_waiter("stack_create_complete").wait(
            StackName="stream", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
    events = stacks.describe_stack_events(StackName="stream")["StackEvents"]
    assert any("does not serve kinesis" in event.get("ResourceStatusReason", "") for event in events)
