"""Input that is made to hurt is refused with a clear error, and the engine stays healthy and small."""

import base64
import gzip
import http.client
import io
import json
import re
import stat
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from sandbox.state import Sandbox, state_folder
from tests.clock import Clock
from tests.probes import eventually

MIB = 2**20
LARGE = 300 * MIB
FAULTS = "/_rollcall/faults"
ROLE = "arn:aws:iam::000000000000:role/security"
CODE = {"Runtime": "python3.13", "Handler": "handler.handler", "Role": ROLE}
EXPAND = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
HANDLER = "import os\ndef handler(event, context):\n    return sorted(os.listdir(os.environ['LAMBDA_TASK_ROOT']))\n"


@pytest.fixture
def bounded(sandbox: Sandbox) -> Iterator[None]:
    """The engine is healthy after the test, and has grown by less than 100 MiB: that is seen natively only."""
    before = resident(sandbox)
    yield
    assert sandbox.healthy()
    assert resident(sandbox) - before < 100 * MIB


def resident(sandbox: Sandbox) -> int:
    """The engine's memory in bytes; 0 in Docker, where it is another user's process."""
    if sandbox.engine != "native":
        return 0
    pid, _ = (state_folder(sandbox.project) / "engine.pid").read_text().split()
    return psutil.Process(int(pid)).memory_info().rss


@pytest.fixture
def made(aws: Callable[[str], Any]) -> Callable[[bytes], str]:
    """`made(code)` makes a function of a zip, and returns its name."""

    def make(code: bytes) -> str:
        name = f"security-{uuid.uuid4().hex[:8]}"
        aws("lambda").create_function(FunctionName=name, Code={"ZipFile": code}, **CODE)
        return name

    return make


def ask(sandbox: Sandbox, method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None) -> Any:
    """Status and JSON of the answer; None where it has no body."""
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=20)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    content = answer.read()
    return answer.status, json.loads(content) if content else None


def refused(call: Callable[..., Any], **parameters: Any) -> str:
    """Code and message of the error."""
    with pytest.raises(ClientError) as refusal:
        call(**parameters)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return f"{refusal.value.response['Error']['Code']}: {refusal.value.response['Error']['Message']}"


def aliases(levels: int) -> str:
    """A template of ten aliases at each level: ten to the power of `levels` values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "Resources: {}\nMetadata:\n" + "".join(f"  {line}\n" for line in lines)


def merges(levels: int) -> str:
    lines = ["m0: &m0 {a: 1}", *(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}" for n in range(1, levels))]
    return "Resources: {}\nMetadata:\n" + "".join(f"  {line}\n" for line in lines)


def loops(levels: int) -> str:
    """A template of `Fn::ForEach` within one another, ten turns each."""
    name = "R" + "".join(f"${{v{n}}}" for n in range(levels))
    inner: dict[str, Any] = {name: {"Type": "AWS::SNS::Topic"}}
    for n in range(levels):
        inner = {f"Fn::ForEach::Loop{n}": [f"v{n}", [f"x{turn}" for turn in range(10)], inner]}
    return json.dumps({"Transform": "AWS::LanguageExtensions", "Resources": inner})


@pytest.mark.parametrize(
    "template", [aliases(9), merges(9), "Resources: &a {b: *a}"], ids=["lists", "merges", "recursive"]
)
@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("validate_template", {}),
        ("get_template_summary", {}),
        ("create_stack", {"StackName": "bomb"}),
        ("create_change_set", {"StackName": "bomb", "ChangeSetName": "c", "ChangeSetType": "CREATE"}),
        ("update_stack", {"StackName": "there"}),
    ],
)
def test_aliases_that_would_fill_the_memory_are_refused_at_once(
    bounded: None, aws: Callable[[str], Any], template: str, operation: str, parameters: dict[str, str]
) -> None:
    stacks = aws("cloudformation")
    if operation == "update_stack" and not stacks.list_stacks()["StackSummaries"]:
        stacks.create_stack(
            StackName="there", TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
        )
        stacks.get_waiter("stack_create_complete").wait(StackName="there", WaiterConfig={"Delay": 1})
    said = refused(getattr(stacks, operation), TemplateBody=template, **parameters)
    assert said.startswith("ValidationError: ")


def test_aliases_within_reason_are_expanded(aws: Callable[[str], Any]) -> None:
    template = "Resources:\n  One: &topic {Type: 'AWS::SNS::Topic'}\n  Two: *topic\n" + aliases(3).partition("\n")[2]
    assert aws("cloudformation").get_template_summary(TemplateBody=template)["ResourceTypes"] == ["AWS::SNS::Topic"]


def test_loops_that_would_fill_the_memory_are_refused_at_once(bounded: None, aws: Callable[[str], Any]) -> None:
    said = refused(aws("cloudformation").create_stack, StackName="loops", TemplateBody=loops(7), **EXPAND)
    assert said == "ValidationError: Template format error: Fn::ForEach makes more than 500 resources."


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("PUT", FAULTS, {}),
        ("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}),
        ("POST", "/", {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"}),
        ("POST", "/service/CloudWatch/operation/PutMetricData", {"Smithy-Protocol": "rpc-v2-cbor"}),
        ("POST", "/2015-03-31/functions", {"Content-Type": "application/json"}),
        ("PUT", "/2015-03-31/functions/f/code", {"Content-Type": "application/json"}),
        ("POST", "/", {"Content-Type": "multipart/form-data; boundary=x"}),
        ("GET", "/_localstack/health", {}),
    ],
)
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_a_body_that_is_too_large_is_not_kept(
    bounded: None, sandbox: Sandbox, method: str, path: str, headers: dict[str, str], chunked: bool
) -> None:
    body = iter([bytes(MIB)] * (LARGE // MIB)) if chunked else bytes(LARGE)
    status, answer = ask(sandbox, method, path, body, headers)
    assert status == 413
    assert "the Rollcall sandbox takes 70167211 at most" in answer["message"]


def test_a_body_that_unzips_to_too_much_is_refused(bounded: None, sandbox: Sandbox) -> None:
    body = gzip.compress(bytes(LARGE), compresslevel=1)
    status, answer = ask(sandbox, "PUT", FAULTS, body, {"Content-Encoding": "gzip"})
    assert (status, "unzipped" in answer["message"]) == (413, True)


def test_objects_may_be_larger(aws: Callable[[str], Any]) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="large")
    s3.put_object(Bucket="large", Key="object", Body=bytes(80 * MIB))
    assert s3.head_object(Bucket="large", Key="object")["ContentLength"] == 80 * MIB


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [
        (b"[" * 200_000, {}, "nested too deeply"),
        (b"\xff\xfe", {}, "not JSON"),
        (b"{}", {"Content-Encoding": "gzip"}, "Content-Encoding: the body is not gzip"),
        (b"{}", {"Content-Type": "multipart/form-data"}, "faults: None is not a list"),
        (json.dumps({"faults": [{"kind": "restart-pollers", "every": 1}] * 3000}), {}, "faults: 3000 are too many"),
        (json.dumps({"faults": [{"kind": "error", "error": "a\r\nX: 1"}]}), {}, "faults[0].error"),
    ],
)
def test_a_plan_of_faults_that_is_none_is_refused_and_changes_nothing(
    bounded: None, sandbox: Sandbox, body: Any, headers: dict[str, str], message: str
) -> None:
    plan = {"seed": 5, "faults": [{"kind": "delay", "seconds": 0, "service": "none"}]}
    assert ask(sandbox, "PUT", FAULTS, json.dumps(plan))[0] == 200
    status, answer = ask(sandbox, "PUT", FAULTS, body, headers)
    assert status == 400
    assert message in answer["message"]
    assert ask(sandbox, "GET", FAULTS)[1]["seed"] == 5
    ask(sandbox, "DELETE", FAULTS)


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "[]", "null", "\ud800", "[" * 100_000, '{"advanceSeconds": NaN}', '{"advanceSeconds": 1e999}'),
        *('{"advanceSeconds": "1"}', '{"advanceSeconds": 1, "skip": true}', '{"skip": 1}', f'{{"skip": {"1" * 5000}}}'),
    ],
)
def test_an_order_to_the_clock_that_is_none_is_refused_and_moves_nothing(
    sandbox: Sandbox, clock: Clock, method: str, body: str
) -> None:
    with clock.real():
        before = clock.show()["offsetSeconds"]
        status, answer = ask(sandbox, method, "/_rollcall/clock", body.encode(errors="surrogatepass"))
        assert status == 400
        assert "advanceSeconds is" in answer["message"] or "skip is" in answer["message"]
        assert clock.show()["offsetSeconds"] == before


@pytest.mark.parametrize("path", ["meter", "permissions", "health", "faults", "clock"])
@pytest.mark.parametrize("query", ["batch=%00", "batch=%ff%fe", f"batch={'a' * 4000}", "batch=../..", "batch&batch=1"])
def test_no_query_makes_an_endpoint_of_ours_fail(sandbox: Sandbox, path: str, query: str) -> None:
    assert ask(sandbox, "GET", f"/_rollcall/{path}?{query}")[0] == 200


def zipped(*links: tuple[str, str], **files: str) -> bytes:
    """A zip with the handler, these files, and links (name, target)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("handler.py", HANDLER)
        for name, target in links:
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, target)
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize("name", ["..", ".", "a.b", "a/b", "a\0", "\u00e4", "name\n"])
@pytest.mark.parametrize("what", ["function", "layer"])
def test_a_name_that_lambda_refuses_is_refused(aws: Callable[[str], Any], name: str, what: str) -> None:
    functions = aws("lambda")
    if what == "function":
        said = refused(functions.create_function, FunctionName=name, Code={"ZipFile": zipped()}, **CODE)
    else:
        said = refused(functions.publish_layer_version, LayerName=name, Content={"ZipFile": zipped()})
    assert said.startswith("ValidationException: 1 validation error detected: Value '")
    assert "failed to satisfy constraint: Member must satisfy regular expression pattern: " in said


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"A=B": "1"}, "ValidationException: .*Map keys must satisfy constraint"),
        ({"1A": "1"}, "ValidationException: .*Map keys must satisfy constraint"),
        ({"A": "1"}, "ValidationException: .*Map keys must satisfy constraint"),
        ({"AB\n": "1"}, "ValidationException: .*Map keys must satisfy constraint"),
        ({"_HANDLER": "1"}, "ValidationException: .*Map keys must satisfy constraint"),
        ({"AB": "\0"}, "ValidationException: .*Map value must satisfy constraint"),
        ({"AB": "\ud800"}, "ValidationException: .*Map value must satisfy constraint"),
        ({"AWS_REGION": "1", "LAMBDA_TASK_ROOT": "1"}, "InvalidParameterValueException: .*: AWS_REGION, LAMBDA_TASK_"),
    ],
)
def test_an_environment_that_lambda_refuses_is_refused(
    aws: Callable[[str], Any], made: Callable[[bytes], str], variables: dict[str, str], said: str
) -> None:
    functions, environment = aws("lambda"), {"Variables": variables}
    code = {"ZipFile": zipped()}
    assert re.match(
        said, refused(functions.create_function, FunctionName="f", Code=code, Environment=environment, **CODE)
    )
    name = made(zipped())
    assert re.match(said, refused(functions.update_function_configuration, FunctionName=name, Environment=environment))


def test_a_function_that_cannot_be_started_says_why(aws: Callable[[str], Any], made: Callable[[bytes], str]) -> None:
    name = made(zipped())
    assert state(aws, name) == "Active: "
    aws("lambda").update_function_configuration(FunctionName=name, Handler="handler\0.handler")
    aws("lambda").get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    answer = aws("lambda").invoke(FunctionName=name, LogType="Tail")
    assert answer["FunctionError"] == "Unhandled"
    assert b"The environment could not start: embedded null byte" in base64.b64decode(answer["LogResult"])


def state(aws: Callable[[str], Any], name: str) -> str:
    """State of the function once it is no longer Pending, and its reason."""

    def settled() -> dict[str, Any]:
        settings = aws("lambda").get_function_configuration(FunctionName=name)
        assert settings["State"] != "Pending"
        return settings

    settings = eventually(settled, timeout=10)
    return f"{settings['State']}: {settings.get('StateReason', '')}"


def test_a_zip_is_unpacked_into_its_folder_whatever_its_names_are(
    aws: Callable[[str], Any], made: Callable[[bytes], str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.write_text("before")
    kept.chmod(0o600)
    links = (("within", "handler.py"), ("../up", "handler.py"))
    name = made(zipped(*links, **{str(kept): "after", "../../above": "x"}))
    assert state(aws, name) == "Active: "
    found = json.loads(aws("lambda").invoke(FunctionName=name)["Payload"].read())
    assert {"handler.py", "within", "up", "above", kept.parts[1]} <= set(found)
    assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == ("before", 0o600)


@pytest.mark.parametrize("target", ["{outside}", "../../../..", "loop/../../../x"])
def test_a_zip_whose_link_leads_out_of_it_fails_and_writes_nothing_there(
    aws: Callable[[str], Any], made: Callable[[bytes], str], tmp_path: Path, target: str
) -> None:
    target = target.format(outside=tmp_path)
    name = made(zipped(("link", target), ("link/second", "handler.py"), ("loop", ".")))
    assert state(aws, name).startswith("Failed: Error while creating lambda: the zip's link link leads out of it, to ")
    assert not list(tmp_path.iterdir())


def test_a_zip_with_a_link_and_a_file_of_one_name_fails(
    aws: Callable[[str], Any], made: Callable[[bytes], str]
) -> None:
    name = made(zipped(("link", "handler.py"), **{"link/file": "x"}))
    assert state(aws, name).endswith("the zip has both a link and a file or folder link")
