"""A native engine in a namespace of its own, asked for what would leave it: `python -m tests.security.offline PATH`.

`PATH` is the engine's. Prints one JSON object: `answers` to each call, what `left` the machine, whether the engine is
`healthy` at the end, and its `log`. Ends with code 77 and the reason where the kernel gives no namespace.
"""

import http.client
import io
import json
import os
import shutil
import socket
import sys
import zipfile
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.host import native
from sandbox.state import Sandbox, state_folder
from tests.e2e.engines import free_port, own_name
from tests.probes import eventually
from tests.security.namespace import Watch, enter
from tests.security.test_services import SERVED

FORBIDDEN = 77
PROBE = ("198.51.100.1", 9)
"""Where this process itself sends a packet, to show that the watch would see the engine's."""

ROLE = "arn:aws:iam::000000000000:role/offline"
CODE = {"Runtime": "python3.13", "Handler": "handler.handler", "Role": ROLE}
STATES = {
    "StartAt": "S",
    "QueryLanguage": "JSONata",
    "States": {"S": {"Type": "Pass", "Output": "{% 1 %}", "End": True}},
}
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
TABLE = {
    "TableName": "table",
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
TEMPLATE = {
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "of-the-stack"}},
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {k: v for k, v in TABLE.items() if k != "TableName"}},
        "Inline": {
            "Type": "AWS::Lambda::Function",
            "Properties": CODE | {"Handler": "index.handler", "Code": {"ZipFile": "def handler(event, context): pass"}},
        },
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": []}}},
        "Logs": {"Type": "AWS::Logs::LogGroup"},
        "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v"}},
        "Rule": {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "rate(1 day)"}},
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "s"}},
        "Topic": {"Type": "AWS::SNS::Topic"},
    }
}


def zipped(*names: str) -> bytes:
    """A function's zip whose files, of these names, all hold a handler."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, "def handler(event, context):\n    return 'ran'\n")
    return packed.getvalue()


class Caller:
    """Makes calls to the engine, and keeps what was answered under each one's name."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.answers = sandbox, dict[str, str]()
        self._session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")

    def client(self, service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, read_timeout=30)
        return self._session.client(service, endpoint_url=self.sandbox.endpoint, config=config)

    def call(self, name: str, service: str, operation: str, /, **parameters: Any) -> None:
        try:
            getattr(self.client(service), operation)(**parameters)
            self.answers[name] = "carried out"
        except ClientError as error:
            self.answers[name] = f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"

    def get(self, path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.sandbox.port, timeout=30)
        connection.request("GET", path)
        self.answers[path] = str(connection.getresponse().status)


def ask_for_everything(caller: Caller) -> None:
    """Calls of every kind that LocalStack serves by Docker, a download or a look-up; and some that need none."""
    caller.call("kinesis", "kinesis", "create_stream", StreamName="s", ShardCount=1)
    caller.call("opensearch", "opensearch", "create_domain", DomainName="domain")
    caller.call("transcribe", "transcribe", "list_transcription_jobs")
    caller.call("athena", "athena", "list_work_groups")
    for service, operation in SERVED.items():
        caller.call(service, service, operation)
    for path in ("/_localstack/info", "/_localstack/diagnose", "/_localstack/init", "/_localstack/health"):
        caller.get(path)
    caller.call("table with a stream", "dynamodb", "create_table", **TABLE, StreamSpecification=STREAM)
    caller.call("its streams", "dynamodbstreams", "list_streams")
    caller.call(
        "JSONata", "stepfunctions", "create_state_machine", name="m", roleArn=ROLE, definition=json.dumps(STATES)
    )
    caller.call(
        "template elsewhere", "cloudformation", "create_stack", StackName="e", TemplateURL="https://example.com/t"
    )
    caller.call("stack", "cloudformation", "create_stack", StackName="s", TemplateBody=json.dumps(TEMPLATE))
    caller.client("cloudformation").get_waiter("stack_create_complete").wait(
        StackName="s", WaiterConfig={"Delay": 0.2, "MaxAttempts": 100}
    )
    functions(caller)
    topic = caller.client("sns").create_topic(Name="t")["TopicArn"]
    caller.call("subscription", "sns", "subscribe", TopicArn=topic, Protocol="https", Endpoint="https://example.com/x")
    caller.call("publish", "sns", "publish", TopicArn=topic, Message="m")


def functions(caller: Caller) -> None:
    client = caller.client("lambda")
    client.create_function(
        FunctionName="image", PackageType="Image", Code={"ImageUri": "registry.example.com/image:1"}, Role=ROLE
    )
    client.create_function(
        FunctionName="absolute", Code={"ZipFile": zipped("handler.py", "/tmp/absolute-handler.py")}, **CODE
    )
    layer = "arn:aws:lambda:us-east-1:770693421928:layer:shared:1"
    caller.call("layer", "lambda", "create_function", FunctionName="l", Code={"ZipFile": b""}, Layers=[layer], **CODE)
    for name in ("image", "absolute"):
        settings = eventually(lambda name=name: settled(client, name))
        caller.answers[f"state of {name}"] = f"{settings['State']}: {settings.get('StateReason', '')}"
        caller.call(f"invocation of {name}", "lambda", "invoke", FunctionName=name)


def settled(client: Any, name: str) -> dict[str, Any]:
    settings = client.get_function_configuration(FunctionName=name)
    assert settings["State"] != "Pending"
    return settings


def send_probe() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"probe", PROBE)


def main(path: str) -> int:
    try:
        enter()
    except OSError as reason:
        print(f"this machine gives no network namespace: {reason}", file=sys.stderr)
        return FORBIDDEN
    watch = Watch()
    watch.start()
    os.environ["PATH"] = path
    name = own_name()
    try:
        sandbox = native.start(name, free_port(), lambda line: None)
        caller = Caller(sandbox)
        ask_for_everything(caller)
        healthy, log = sandbox.healthy(), (state_folder(name) / "engine.log").read_text()
    finally:
        native.stop(name)
        shutil.rmtree(state_folder(name), ignore_errors=True)
    send_probe()
    probe = f"{PROBE[0]}:{PROBE[1]}"
    eventually(lambda: watched(watch, probe), timeout=5)
    json.dump(
        {"answers": caller.answers, "left": sorted(watch.seen - {probe}), "healthy": healthy, "log": log}, sys.stdout
    )
    return 0


def watched(watch: Watch, packet: str) -> None:
    assert packet in watch.seen, f"the watch did not see {packet}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
