"""Layers of functions as on AWS: what comes first, whom a deleted one serves; and what the engine keeps of a zip."""

import base64
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any

import boto3
import pytest
from localstack.constants import INTERNAL_AWS_SECRET_ACCESS_KEY

from sandbox.kept_layers import LAYERS
from sandbox.state import Sandbox
from tests.e2e.executor_deploy import zipped
from tests.probes import eventually

pytest_plugins = ("tests.e2e.executor_deploy",)
pytestmark = pytest.mark.docker

IMPORTS = "import boto3, lib, own\n\ndef handler(event, context): return [boto3.WHOSE, lib.WHOSE, own.WHOSE]\n"
# The account and the bucket in which the engine keeps the zips of functions and layers.
KEEPER, KEPT = "949334387222", "awslambda-us-east-1-tasks"


def layer_zip(whose: str, *modules: str, folder: str = "python") -> bytes:
    return zipped({f"{folder}/{module}.py": f"WHOSE = {whose!r}\n" for module in modules})


@pytest.fixture
def publish(aws: Callable[[str], Any]) -> Iterator[Callable[..., str]]:
    """`publish(whose, "lib", ...)` publishes a layer with these modules, and returns its version's ARN."""
    made = []

    def publish_one(whose: str, *modules: str, folder: str = "python") -> str:
        content = layer_zip(whose, *modules, folder=folder)
        answer = aws("lambda").publish_layer_version(LayerName=f"l{uuid.uuid4().hex}", Content={"ZipFile": content})
        made.append(answer)
        return answer["LayerVersionArn"]

    yield publish_one
    for answer in made:
        aws("lambda").delete_layer_version(LayerName=answer["LayerArn"], VersionNumber=answer["Version"])


def test_the_functions_zip_comes_before_its_layers_a_later_one_before_an_earlier_and_all_before_the_runtime(
    deploy, publish
):
    packages = "python/lib/python3.13/site-packages"
    layers = [publish("first", "lib", "own", "boto3", folder=packages), publish("second", "lib", "own")]
    function = deploy(source=IMPORTS, files={"own.py": "WHOSE = 'mine'"}, Layers=layers)
    assert function.invoke().payload == ["first", "second", "mine"]


def test_a_function_keeps_a_deleted_layer_until_it_has_another(deploy, aws, publish):
    old, new = publish("old", "lib", "boto3"), publish("new", "lib", "boto3")
    function = deploy(source=IMPORTS, files={"own.py": "WHOSE = 'mine'"}, Layers=[old])
    name, version = old.rsplit(":", 1)
    aws("lambda").delete_layer_version(LayerName=name, VersionNumber=int(version))
    assert function.invoke().payload == ["old", "old", "mine"]
    function.update_configuration(Layers=[new])
    assert function.invoke().payload == ["new", "new", "mine"]


def test_a_zip_lives_as_long_as_what_uses_it(deploy, aws, publish, sandbox: Sandbox):
    keeper = boto3.client(
        "s3", endpoint_url=sandbox.endpoint, region_name="us-east-1", aws_access_key_id=KEEPER,
        aws_secret_access_key=INTERNAL_AWS_SECRET_ACCESS_KEY,
    )  # fmt: skip

    def kept() -> set[str]:
        digests = set()
        for each in keeper.list_objects_v2(Bucket=KEPT).get("Contents", []):
            # What others have used may be deleted between the list and the look.
            with suppress(keeper.exceptions.NoSuchKey):
                body = keeper.get_object(Bucket=KEPT, Key=each["Key"])["Body"].read()
                digests.add(base64.b64encode(sha256(body).digest()).decode())
        return digests

    mark = uuid.uuid4().hex
    layer = publish(mark, "lib")
    function = deploy(source=f"import lib, time\n# {mark}\n" + SLOW, files={"late.py": ""}, Layers=[layer])
    aws("lambda").invoke(FunctionName=function.name, InvocationType="Event", Payload="{}")
    eventually(lambda: _assert_logged(function, "started"))
    of_code = aws("lambda").get_function_configuration(FunctionName=function.name)["CodeSha256"]
    of_layer = aws("lambda").get_layer_version_by_arn(Arn=layer)["Content"]["CodeSha256"]
    assert {of_code, of_layer} <= kept()
    function.update_code(f"def handler(event, context): return 'new {mark}'")
    function.update_configuration(Layers=[])
    name, version = layer.rsplit(":", 1)
    aws("lambda").delete_layer_version(LayerName=name, VersionNumber=int(version))
    # The old invocation imports something as its last act, and after that nothing uses either zip.
    eventually(lambda: _assert_none({of_code, of_layer} & kept()))
    eventually(lambda: _assert_logged(function, "imported late"))


def test_a_native_engine_uses_the_files_of_a_layer_that_the_checkout_keeps(deploy, publish, sandbox: Sandbox):
    if sandbox.engine == "docker":
        pytest.skip("a container sees nothing of the checkout")
    mark = uuid.uuid4().hex
    kept = LAYERS / sha256(layer_zip(mark, "lib", "boto3")).hexdigest()
    try:
        (kept / "python").mkdir(parents=True)
        for module in ("lib", "boto3"):
            (kept / "python" / f"{module}.py").write_text("WHOSE = 'kept'\n")
        function = deploy(source=IMPORTS, files={"own.py": "WHOSE = 'mine'"}, Layers=[publish(mark, "lib", "boto3")])
        assert function.invoke().payload == ["kept", "kept", "mine"]
    finally:
        shutil.rmtree(kept)


SLOW = """
def handler(event, context):
    print("started", flush=True)
    time.sleep(6)
    import late
    print("imported late", late.__name__, flush=True)
"""


def _assert_logged(function, text: str) -> None:
    assert any(text in line for stream in function.log_events() for line in stream)


def _assert_none(found: set[str]) -> None:
    assert found == set()
