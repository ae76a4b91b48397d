"""Which permission an API call needs."""

import pytest

from sandbox.engine.iam_actions import Place, needed_actions, needed_of_key, needed_of_secret

PLACE = Place("eu-west-1", "123456789012")
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/t"
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/key-AbCdEf"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:q"
URL = "http://127.0.0.1:4566/queue/eu-west-1/123456789012/q"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:f"
GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/f:log-stream:"


@pytest.mark.parametrize(
    ("service", "operation", "request_", "expected"),
    [
        ("dynamodb", "UpdateItem", {"TableName": "t"}, {("dynamodb:UpdateItem", TABLE)}),
        ("dynamodb", "PutItem", {"TableName": TABLE}, {("dynamodb:PutItem", TABLE)}),
        ("dynamodb", "Query", {"TableName": "t", "IndexName": "i"}, {("dynamodb:Query", f"{TABLE}/index/i")}),
        ("dynamodb", "BatchWriteItem", {"RequestItems": {"t": []}}, {("dynamodb:BatchWriteItem", TABLE)}),
        ("dynamodb", "ListTables", {}, {("dynamodb:ListTables", "*")}),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{kind: {"TableName": "t"}} for kind in ("Put", "Update", "Delete", "ConditionCheck")]},
            {
                ("dynamodb:PutItem", TABLE),
                ("dynamodb:UpdateItem", TABLE),
                ("dynamodb:DeleteItem", TABLE),
                ("dynamodb:ConditionCheckItem", TABLE),
            },
        ),
        (
            "dynamodb",
            "TransactGetItems",
            {"TransactItems": [{"Get": {"TableName": "t"}}]},
            {("dynamodb:GetItem", TABLE)},
        ),
        (
            "ssm",
            "GetParameters",
            {"Names": ["/shop/key", "plain"]},
            {("ssm:GetParameters", f"{PARAMETER}/shop/key"), ("ssm:GetParameters", f"{PARAMETER}/plain")},
        ),
        ("ssm", "DescribeParameters", {}, {("ssm:DescribeParameters", "*")}),
        ("sqs", "ReceiveMessage", {"QueueUrl": URL}, {("sqs:ReceiveMessage", QUEUE)}),
        ("sqs", "SendMessageBatch", {"QueueUrl": URL}, {("sqs:SendMessage", QUEUE)}),
        ("sqs", "DeleteMessageBatch", {"QueueUrl": URL}, {("sqs:DeleteMessage", QUEUE)}),
        ("sqs", "ChangeMessageVisibilityBatch", {"QueueUrl": URL}, {("sqs:ChangeMessageVisibility", QUEUE)}),
        ("sqs", "GetQueueUrl", {"QueueName": "q"}, {("sqs:GetQueueUrl", QUEUE)}),
        ("s3", "GetObject", {"Bucket": "b", "Key": "k/l"}, {("s3:GetObject", "arn:aws:s3:::b/k/l")}),
        ("s3", "HeadObject", {"Bucket": "b", "Key": "k"}, {("s3:GetObject", "arn:aws:s3:::b/k")}),
        ("s3", "ListObjectsV2", {"Bucket": "b"}, {("s3:ListBucket", "arn:aws:s3:::b")}),
        ("s3", "UploadPart", {"Bucket": "b", "Key": "k"}, {("s3:PutObject", "arn:aws:s3:::b/k")}),
        (
            "s3",
            "AbortMultipartUpload",
            {"Bucket": "b", "Key": "k"},
            {("s3:AbortMultipartUpload", "arn:aws:s3:::b/k")},
        ),
        ("s3", "DeleteObjects", {"Bucket": "b"}, {("s3:DeleteObject", "arn:aws:s3:::b/*")}),
        (
            "s3",
            "CopyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "/from/key"},
            {("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:GetObject", "arn:aws:s3:::from/key")},
        ),
        ("lambda", "Invoke", {"FunctionName": "f"}, {("lambda:InvokeFunction", FUNCTION)}),
        ("lambda", "Invoke", {"FunctionName": FUNCTION}, {("lambda:InvokeFunction", FUNCTION)}),
        ("lambda", "Invoke", {"FunctionName": "f", "Qualifier": "v"}, {("lambda:InvokeFunction", f"{FUNCTION}:v")}),
        (
            "events",
            "PutEvents",
            {"Entries": [{}, {"EventBusName": "bus"}]},
            {
                ("events:PutEvents", "arn:aws:events:eu-west-1:123456789012:event-bus/default"),
                ("events:PutEvents", "arn:aws:events:eu-west-1:123456789012:event-bus/bus"),
            },
        ),
        (
            "logs",
            "PutLogEvents",
            {"logGroupName": "/aws/lambda/f", "logStreamName": "s"},
            {("logs:PutLogEvents", f"{GROUP}s")},
        ),
        ("logs", "CreateLogGroup", {"logGroupName": "/aws/lambda/f"}, {("logs:CreateLogGroup", GROUP)}),
        ("stepfunctions", "DescribeMapRun", {"mapRunArn": "arn:m"}, {("states:DescribeMapRun", "arn:m")}),
        ("stepfunctions", "StartExecution", {"stateMachineArn": "arn:s"}, {("states:StartExecution", "arn:s")}),
        ("sts", "GetCallerIdentity", {}, set()),
        ("sts", "AssumeRole", {"RoleArn": "arn:r"}, {("sts:AssumeRole", "arn:r")}),
        ("kms", "Decrypt", {}, {("kms:Decrypt", "*")}),
    ],
)
def test_a_call_needs(service, operation, request_, expected):
    assert needed_actions(service, operation, request_, PLACE) == expected


@pytest.mark.parametrize(
    ("operation", "actions"),
    [
        ("GetObject", {"kms:Decrypt"}),
        ("PutObject", {"kms:GenerateDataKey"}),
        ("UploadPart", {"kms:GenerateDataKey", "kms:Decrypt"}),
        ("DeleteObject", set()),
    ],
)
def test_a_call_for_an_object_that_a_key_encrypts_needs_the_key(operation, actions):
    answer = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:k"}
    assert needed_of_key(operation, answer) == {(action, "arn:k") for action in actions}
    assert needed_of_key(operation, {"ServerSideEncryption": "AES256"}) == set()


def test_a_secret_is_named_as_the_answer_names_it_with_the_characters_that_it_ends_in():
    assert needed_of_secret("GetSecretValue", {"ARN": SECRET}) == {("secretsmanager:GetSecretValue", SECRET)}
