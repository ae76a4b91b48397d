"""The process executor invokes functions as AWS does: environments, context, isolation, payloads, updates."""

import base64
import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.probes import eventually

pytest_plugins = ("tests.e2e.executor_deploy",)
pytestmark = pytest.mark.docker

MEGABYTES_6 = 6 * 1024 * 1024
DOCUMENTED_VARIABLES = {  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "PATH", "LANG", "TZ"),
    *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
    *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "AWS_ENDPOINT_URL"),
    *("LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "PYTHONPATH", "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS"),
    *("_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT"),
}
# The sandbox's own, so that a function works in a folder of its own and finds nobody's AWS settings.
OWN_VARIABLES = {"TMPDIR", "HOME", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"}


def environments(answers) -> set[int]:
    return {answer.payload["environment"] for answer in answers}


def test_an_environment_is_kept_warm_and_reused(deploy):
    function = deploy("who")
    assert len(environments(function.invoke() for _ in range(3))) == 1


def test_each_of_many_concurrent_invocations_has_an_environment_of_its_own(deploy):
    function = deploy("who", Timeout=60)
    answers = function.meet(20)
    assert len(environments(answers)) == 20
    assert environments([function.invoke()]) < environments(answers)


def test_the_handler_gets_its_event_and_context(deploy, aws):
    function = deploy("context_seen", MemorySize=256, Timeout=7)
    client_context = base64.b64encode(json.dumps({"custom": {"who": "café"}}).encode()).decode()
    answer = function.invoke({"some": ["événement"]}, ClientContext=client_context)
    seen = answer.payload
    assert seen["event"] == {"some": ["événement"]}
    assert (seen["function"], seen["version"], seen["memory"]) == (function.name, "$LATEST", "256")
    assert seen["arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}"
    assert seen["request"] == answer.request_id
    assert seen["custom"] == {"who": "café"}
    assert seen["trace"].startswith("Root=1-")
    assert 5_000 < seen["remaining"] <= 7_000
    assert seen["log"][0] == f"/aws/lambda/{function.name}"
    eventually(lambda: _assert_logged(function, 1, "REPORT "))
    (stream,) = aws("logs").describe_log_streams(logGroupName=seen["log"][0])["logStreams"]
    assert stream["logStreamName"] == seen["log"][1]


def test_a_function_sees_only_the_runtime_and_its_own_zip(deploy):
    function = deploy("surroundings", Environment={"Variables": {"OWN": "1"}})
    engines = ["localstack", "moto", "sandbox", "rollcall", "handlers", "tests", "pytest", "pip", "typer"]
    seen = function.invoke({"modules": engines}).payload
    assert seen["found"] == ["boto3", "awslambdaric", "json"]
    assert set(seen["variables"]) <= DOCUMENTED_VARIABLES | OWN_VARIABLES | {"OWN"}
    assert seen["folder"] == seen["task_root"]
    assert set(seen["files"]) <= {"functions.py", "__pycache__"}


def test_a_function_uses_the_sdk_of_its_own_zip_and_not_that_of_the_runtime(deploy):
    source = "import boto3\n\ndef handler(event, context): return boto3.__version__\n"
    assert deploy(source=source, files={"boto3/__init__.py": "__version__ = 'mine'"}).invoke().payload == "mine"


def test_a_handler_needs_no_endpoint_region_or_credentials(deploy):
    function = deploy("call_aws")
    assert "assumed-role/executor-test/" in function.invoke().payload


def test_a_functions_children_are_no_second_runtime(deploy):
    function = deploy("with_children")
    answers = [function.invoke({"number": 7}) for _ in range(2)]
    assert [answer.payload["squares"] for answer in answers] == [[49, 49, 49]] * 2
    assert len({answer.payload["pid"] for answer in answers}) == 1


def test_a_function_url_invokes_its_function(deploy, aws, sandbox):
    function = deploy("context_seen")
    url = aws("lambda").create_function_url_config(FunctionName=function.name, AuthType="NONE")["FunctionUrl"]
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=20)
    name = urlsplit(url).netloc.partition(".127.0.0.1")[0]
    connection.request("GET", "/some?a=1", headers={"Host": f"{name}.localhost:{sandbox.port}"})
    answer = connection.getresponse()
    seen = json.loads(answer.read())
    assert (answer.status, seen["event"]["rawPath"], seen["custom"]) == (200, "/some", None)


def test_a_request_of_6_mb_arrives_and_a_larger_one_is_refused(deploy):
    function = deploy("echo_size")
    assert function.invoke("x" * (MEGABYTES_6 - 2)).payload == {"received": MEGABYTES_6 - 2}
    with pytest.raises(ClientError) as refused:
        function.invoke("x" * (MEGABYTES_6 - 1))
    assert refused.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_a_response_of_6_mb_arrives_and_a_larger_one_is_an_error(deploy):
    function = deploy("make")
    assert len(function.invoke({"characters": MEGABYTES_6 - 2}).payload) == MEGABYTES_6 - 2
    answer = function.invoke({"characters": MEGABYTES_6 + 200})
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Function.ResponseSizeTooLarge"
    assert len(function.invoke({"characters": 10}).payload) == 10


def test_a_payload_that_is_not_json_is_refused(deploy, aws):
    function = deploy("who")
    with pytest.raises(ClientError) as refused:
        aws("lambda").invoke(FunctionName=function.name, Payload="{'a': 1}")
    assert refused.value.response["Error"]["Code"] == "InvalidRequestContentException"


def test_an_update_of_the_code_takes_effect_on_the_next_invocation(deploy):
    function = deploy(source="def handler(event, context): return 1")
    assert function.invoke().payload == 1
    function.update_code("def handler(event, context): return 2")
    assert function.invoke().payload == 2


def test_an_update_of_the_configuration_takes_effect_on_the_next_invocation(deploy):
    function = deploy("who", Environment={"Variables": {"OWN": "old"}})
    old = function.invoke().payload["variables"]
    function.update_configuration(Environment={"Variables": {"OWN": "new"}}, MemorySize=192)
    new = function.invoke().payload["variables"]
    assert (old["OWN"], new["OWN"], new["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) == ("old", "new", "192")


def test_an_update_disturbs_no_invocation(deploy):
    function = deploy(
        source="import time\ndef handler(event, context): time.sleep(2); import wave; return wave.__name__"
    )
    with ThreadPoolExecutor(4) as callers:
        running = [callers.submit(function.invoke) for _ in range(4)]
        eventually(lambda: _assert_logged(function, 4, "START "))
        function.update_code("def handler(event, context): return 'new'")
        assert function.invoke().payload == "new"
        assert [each.result().payload for each in running] == ["wave"] * 4


def test_an_asynchronous_invocation_runs(deploy, aws):
    function = deploy("log_and_wait")
    answer = aws("lambda").invoke(FunctionName=function.name, InvocationType="Event", Payload="{}")
    assert answer["StatusCode"] == 202

    eventually(lambda: _assert_logged(function, 1, "REPORT "))


def _assert_logged(function, count, line):
    assert sum(message.startswith(line) for stream in function.log_events() for message in stream) == count
