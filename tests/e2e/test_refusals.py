"""What AWS refuses by its name or size is refused here, in the service's own words; what is at the limit is taken."""

import json
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.state import Sandbox

TABLE = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
MACHINE = {
    "definition": json.dumps({"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}),
    "roleArn": "arn:aws:iam::000000000000:role/tests",
}
FUNCTION = {"Role": MACHINE["roleArn"], "Runtime": "python3.13", "Handler": "a.b", "Code": {"ZipFile": b"no zip"}}
TEMPLATE = {"TemplateBody": json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})}
TRUST = {"AssumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": []})}
PATTERN = {"EventPattern": json.dumps({"source": ["nobody"]})}
MESSAGE = {"Source": "tests", "DetailType": "refused", "Detail": "{}"}
METRIC = {"MetricName": "m", "Value": 1}

type Call = Callable[..., Any]


@pytest.fixture(scope="module")
def call(sandbox: Sandbox) -> Call:
    """`call("sqs", "create_queue", QueueName="a b")` makes the call as it is: boto3 checks nothing before."""
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    clients = {}

    def make(service: str, operation: str, **parameters: Any) -> Any:
        if service not in clients:
            clients[service] = session.client(service, endpoint_url=sandbox.endpoint, config=config)
        return getattr(clients[service], operation)(**parameters)

    return make


@pytest.fixture
def table(call: Call, undo: ExitStack) -> str:
    """A table with a name of three characters."""
    name = uuid.uuid4().hex[:3]
    call("dynamodb", "create_table", TableName=name, **TABLE)
    undo.callback(call, "dynamodb", "delete_table", TableName=name)
    return name


@pytest.fixture
def machine(call: Call, undo: ExitStack) -> str:
    """The ARN of a state machine with a name of 80 characters."""
    arn: str = call("stepfunctions", "create_state_machine", name=longest(80), **MACHINE)["stateMachineArn"]
    undo.callback(call, "stepfunctions", "delete_state_machine", stateMachineArn=arn)
    return arn


def longest(length: int, ending: str = "") -> str:
    """A name of so many characters that nobody else uses."""
    return f"n{uuid.uuid4().hex}".ljust(length - len(ending), "x") + ending


def refused(call: Call, service: str, operation: str, **parameters: Any) -> str:
    """The code and the message of a call that must be refused with status 400."""
    with pytest.raises(ClientError) as caught:
        call(service, operation, **parameters)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return "{Code}: {Message}".format_map(caught.value.response["Error"])


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "said"),
    [
        ("dynamodb", "create_table", {"TableName": "T", **TABLE}, "ValidationException: 1 validation error detected: "
         "Value 'T' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3"),
        ("dynamodb", "create_table", {"TableName": "t" * 256, **TABLE}, "ValidationException"),
        ("dynamodb", "get_item", {"TableName": "a table", "Key": {"id": {"S": "a"}}}, "ValidationException"),
        ("dynamodb", "query", {"TableName": "abc", "IndexName": "in"}, "ValidationException"),
        ("dynamodb", "query", {"TableName": "abc", "Limit": 0}, "ValidationException"),
        ("dynamodb", "batch_write_item", {"RequestItems": {"abc": []}}, "ValidationException"),
        ("stepfunctions", "create_state_machine", {"name": "a b", **MACHINE}, "InvalidName: Invalid Name: 'a b'"),
        ("stepfunctions", "create_state_machine", {"name": "n" * 81, **MACHINE}, "ValidationException"),
        ("stepfunctions", "list_state_machines", {"maxResults": 1001}, "ValidationException"),
        ("lambda", "create_function", {"FunctionName": "f" * 141, **FUNCTION}, "ValidationException"),
        ("lambda", "create_function", {"FunctionName": "f", **FUNCTION, "MemorySize": 127}, "ValidationException"),
        ("lambda", "create_function", {"FunctionName": "f", **FUNCTION, "MemorySize": 10_241}, "ValidationException"),
        ("lambda", "create_function", {"FunctionName": "f", **FUNCTION, "Timeout": 901}, "ValidationException"),
        ("lambda", "create_function", {"FunctionName": "f", **FUNCTION, "Runtime": "cobol"}, "ValidationException"),
        ("lambda", "create_event_source_mapping", {"FunctionName": "f", "BatchSize": 10_001}, "ValidationException"),
        ("events", "put_rule", {"Name": "a rule", **PATTERN}, "ValidationException"),
        ("events", "put_rule", {"Name": "r" * 65, **PATTERN}, "ValidationException"),
        ("events", "put_events", {"Entries": [MESSAGE] * 11}, "ValidationException"),
        ("sqs", "create_queue", {"QueueName": "q" * 81}, "InvalidParameterValue"),
        ("sqs", "create_queue", {"QueueName": "a.b"}, "InvalidParameterValue"),
        ("sqs", "create_queue", {"QueueName": "q", "Attributes": {"DelaySeconds": "901"}}, "InvalidAttributeValue"),
        ("sqs", "receive_message", {"QueueUrl": "q", "VisibilityTimeout": 43_201}, "InvalidParameterValue"),
        ("sqs", "send_message", {"QueueUrl": "q", "MessageBody": "m", "DelaySeconds": 901}, "InvalidParameterValue"),
        ("s3", "create_bucket", {"Bucket": "ab"}, "InvalidBucketName"),
        ("s3", "create_bucket", {"Bucket": "a_bucket"}, "InvalidBucketName"),
        ("cloudformation", "create_stack", {"StackName": "a_stack", **TEMPLATE}, "ValidationError"),
        ("cloudformation", "create_stack", {"StackName": "s" * 129, **TEMPLATE}, "ValidationError"),
        ("cloudwatch", "put_metric_data", {"Namespace": "", "MetricData": [METRIC]}, "ValidationError"),
        ("logs", "create_log_group", {"logGroupName": "a group"}, "InvalidParameterException"),
        ("logs", "create_log_group", {"logGroupName": "g" * 513}, "InvalidParameterException"),
        ("iam", "create_role", {"RoleName": "a role", **TRUST}, "ValidationError"),
        ("iam", "create_role", {"RoleName": "r" * 65, **TRUST}, "ValidationError"),
        ("sts", "assume_role", {"RoleArn": MACHINE["roleArn"], "RoleSessionName": "s"}, "ValidationError"),
    ],
)  # fmt: skip
def test_what_aws_refuses_by_name_or_size_is_refused_in_its_words(
    call: Call, service: str, operation: str, parameters: dict[str, Any], said: str
) -> None:
    assert refused(call, service, operation, **parameters).startswith(said)


@pytest.mark.parametrize(
    ("service", "make", "remove", "name", "length", "parameters"),
    [
        ("dynamodb", "create_table", "delete_table", "TableName", 255, TABLE),
        ("events", "put_rule", "delete_rule", "Name", 64, PATTERN),
        ("s3", "create_bucket", "delete_bucket", "Bucket", 63, {}),
        ("cloudformation", "create_stack", "delete_stack", "StackName", 128, TEMPLATE),
        ("logs", "create_log_group", "delete_log_group", "logGroupName", 512, {}),
        ("iam", "create_role", "delete_role", "RoleName", 64, TRUST),
    ],
)
def test_the_longest_name_is_taken(
    call: Call, service: str, make: str, remove: str, name: str, length: int, parameters: dict[str, Any]
) -> None:
    named = {name: longest(length)}
    call(service, make, **named, **parameters)
    call(service, remove, **named)


@pytest.mark.parametrize("ending", ["", ".fifo"])
def test_the_longest_queue_is_taken(call: Call, ending: str) -> None:
    attributes = {"DelaySeconds": "900", "VisibilityTimeout": "43200", **({"FifoQueue": "true"} if ending else {})}
    url = call("sqs", "create_queue", QueueName=longest(80, ending), Attributes=attributes)["QueueUrl"]
    call("sqs", "delete_queue", QueueUrl=url)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("an execution", "InvalidName"),
        ("a:b", "InvalidName"),
        ("a\x7f", "InvalidName"),
        ("n" * 81, "ValidationException: 1 validation error detected: Value 'n"),
    ],
)
def test_an_execution_with_no_valid_name_is_refused(call: Call, machine: str, name: str, said: str) -> None:
    assert refused(call, "stepfunctions", "start_execution", stateMachineArn=machine, name=name).startswith(said)


def test_an_execution_with_the_longest_name_and_input_starts(call: Call, machine: str) -> None:
    given = json.dumps("x" * (262_144 - 2))
    call("stepfunctions", "start_execution", stateMachineArn=machine, name=longest(80), input=given)
    said = refused(call, "stepfunctions", "start_execution", stateMachineArn=machine, input=given + " ")
    assert said.startswith("ValidationException: 1 validation error detected: Value at 'input' failed")


def put(number: int) -> dict[str, Any]:
    return {"PutRequest": {"Item": {"id": {"S": str(number)}}}}


def test_a_batch_of_25_items_is_written_and_one_of_26_is_refused(call: Call, table: str) -> None:
    call("dynamodb", "batch_write_item", RequestItems={table: [put(number) for number in range(25)]})
    said = refused(call, "dynamodb", "batch_write_item", RequestItems={table: [put(number) for number in range(26)]})
    assert said.endswith("Map value must satisfy constraint: [Member must have length less than or equal to 25]")
    parts = {table: [put(number) for number in range(13)], "other": [put(number) for number in range(13)]}
    said = refused(call, "dynamodb", "batch_write_item", RequestItems=parts)
    assert said == "ValidationException: Too many items requested for the BatchWriteItem call"


def test_a_batch_with_one_key_twice_is_refused_and_writes_nothing(call: Call, table: str) -> None:
    delete = {"DeleteRequest": {"Key": {"id": {"S": "1"}}}}
    said = refused(call, "dynamodb", "batch_write_item", RequestItems={table: [put(1), put(2), delete]})
    assert said == "ValidationException: Provided list of item keys contains duplicates"
    assert call("dynamodb", "scan", TableName=table, ConsistentRead=True)["Count"] == 0


def test_a_redrive_of_step_functions_is_refused_with_the_way_that_works(call: Call, machine: str) -> None:
    execution = call("stepfunctions", "start_execution", stateMachineArn=machine)["executionArn"]
    said = refused(call, "stepfunctions", "redrive_execution", executionArn=execution)
    assert said.startswith("ExecutionNotRedrivable: ")
    assert "RedriveExecution" in said
    assert "`rollcall redrive BATCH`" in said
