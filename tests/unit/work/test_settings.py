"""rollcall.toml: what it says, and how it is refused: with the file, the line, what was found and what is allowed."""

import pytest

from bootstrap.work.problem import BadWork
from bootstrap.work.secret import Secret
from bootstrap.work.settings import Permission, Settings
from bootstrap.work.variables import MAX_BYTES, as_parameters
from tests.unit.work.folders import RESOURCES, folder, read

__all__ = ["folder", "read"]

ALL = """
item_timeout = 20
permanent_errors = [
    "pydantic.ValidationError",  # of several lines
    "ValueError",
]
dependencies = ["pillow>=11"]

[parameters]
ProcessorMemory = 512
ToleratedFailurePercentage = 0.5
ResultsBucket = "my-results"

[environment]
API_URL = "https://example.com"
RETRIES = 3

[secrets]
API_KEY = "ssm:/shop/api-key"
TOKEN = "secretsmanager:shop/token"

[[permissions]]
actions = ["s3:PutObject"]
resources = ["arn:aws:s3:::${BadgeBucket}/*"]

[[permissions]]
actions = ["s3:Get*"]
resources = ["*"]
source = true

[resources]
template = "resources.yaml"
"""


def test_everything_that_it_may_say_is_read(read, tmp_path):
    work = read(ALL, **{"resources.yaml": RESOURCES})
    assert work.settings == Settings(
        parameters={
            "ProcessorMemory": "512",
            "ToleratedFailurePercentage": "0.5",
            "ResultsBucket": "my-results",
            "ItemTimeout": "20",
            "PermanentErrors": "pydantic.ValidationError,ValueError",
        },
        dependencies=("pillow>=11",),
        environment={"API_URL": "https://example.com", "RETRIES": "3"},
        secrets={"API_KEY": Secret("ssm", "/shop/api-key"), "TOKEN": Secret("secretsmanager", "shop/token")},
        permissions=(
            Permission(("s3:PutObject",), ("arn:aws:s3:::${BadgeBucket}/*",), source=False),
            Permission(("s3:Get*",), ("*",), source=True),
        ),
        resources=tmp_path / "job" / "resources.yaml",
    )
    assert work.outputs == ("BadgeBucket",)


def test_a_folder_without_one_has_no_settings(read, folder):
    assert read("").settings == Settings()


@pytest.mark.parametrize(
    ("toml", "line", "says"),
    [
        ("item_timeout = 20\ndependancies = []", 2, r"dependancies: .* did you mean dependencies\? it must be one of"),
        ("# a comment\n\n\nitem_timeout = 0", 4, "item_timeout: 0 must be seconds, a number above 0 and up to 900"),
        ("item_timeout = 901", 1, "901 must be seconds"),
        ("item_timeout = true", 1, "True must be seconds"),
        ("permanent_errors = [\n'A',\n'not a class']", 1, "'not a class' must be the name of a class"),
        ("permanent_errors = 'A'", 1, "'A' must be a list of texts"),
        ("dependencies = ['pillow>=']", 1, "'pillow>=' is no requirement"),
        ("dependencies = ['./x.whl']", 1, "a file is named `package @ file:///its/place.whl`"),
        ("dependencies = [1]", 1, "must be a list of texts"),
        ("[parameters]\nProcesorMemory = 512", 2, r"parameters.ProcesorMemory: .*did you mean ProcessorMemory\?"),
        ("[parameters]\nMaxItems = 1\nProcessorMemory = 64", 3, "64: it must be a whole number from 128 to 10240"),
        ("[parameters]\nCpuArchitecture = 'arm'", 2, "arm: it must be one of arm64, x86_64"),
        ("[parameters]\nCodeKey = 'x'", 2, "CodeKey: deploy sets it itself"),
        ("[parameters]\nWorkLayerKey = ''", 2, "WorkLayerKey: deploy sets it itself"),
        ("[parameters]\nMaxItems = true", 2, "True must be a number or a text"),
        ("item_timeout = 5\n[parameters]\nItemTimeout = 6", 3, "item_timeout says it too"),
        ("parameters = 5", 1, "5 must be a table"),
        ("[environment]\nAPI_URL = true", 2, "True must be a text, in quotation marks"),
        ("[environment]\nA-B = '1'", 2, "letters, digits and underscores"),
        ("[environment]\nAWS_REGION = 'x'", 2, "reserved by Lambda"),
        ("[environment]\nTABLE_NAME = 'x'", 2, "Rollcall's functions have a variable of this name"),
        ("[secrets]\nAPI_KEY = 'ssm:shop/key'", 2, 'must be where it is, "ssm:/my/parameter"'),
        ("[secrets]\nAPI_KEY = 'vault:key'", 2, "must be where it is"),
        ("[secrets]\nAPI_KEY = 5", 2, "must be where it is"),
        ("[environment]\nKEY = 'x'\n[secrets]\nKEY = 'ssm:/a'", 4, r"\[environment\] has it too"),
        ("[secrets]\nKEY = 'ssm:/a'\nKEY2 = 'ssm:/a'", 3, "KEY is the same secret"),
        ("[permissions]\nactions = ['s3:GetObject']", 1, r"must be written \[\[permissions\]\]"),
        ("[[permissions]]\nactions = ['s3:GetObject']\nresources = ['*']\n\n[[permissions]]\nactions = ['*']", 6,
         r"permissions\[1\].actions: '\*' must be service:Action"),
        ("[[permissions]]\nactions = ['s3:GetObject']", 1, "it must name resources"),
        ("[[permissions]]\nactions = ['s3:GetObject']\nresources = ['bucket']", 3, "'bucket' must be an ARN"),
        ("[[permissions]]\nactions = ['s3:GetObject']\nresources = ['*']\nsource = 1", 4, "must be true or false"),
        ("[[permissions]]\naction = 's3:GetObject'", 2, r"did you mean actions\?"),
        ("[resources]\ntemplate = 'resources.yml'", 2, "there is no such file in"),
        ("[resources]", 1, "it must say template ="),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_file_and_line_and_what_is_allowed(read, toml, line, says):
    with pytest.raises(BadWork, match=rf"job/rollcall\.toml, line {line}: .*{says}"):
        read(toml)


def test_what_is_no_toml_is_refused_with_the_line(read):
    with pytest.raises(BadWork, match=r"job/rollcall\.toml is no TOML: .*line 2"):
        read("item_timeout = 5\ndependencies = }\n")


def test_a_secret_that_stands_in_rollcall_toml_is_not_repeated_by_the_refusal(read):
    with pytest.raises(BadWork) as refused:
        read("[secrets]\nAPI_KEY = 'hunter2'")
    assert "hunter2" not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("Resources: ]", r"resources\.yaml, line 1: it is no YAML"),
        ("Outputs: {}", "no CloudFormation template"),
        ("Parameters: {Name: {Type: String}}\nResources: {A: {Type: B}}", "parameter Name has no Default"),
        (RESOURCES.replace("  BadgeBucket: {Value", "  ApiUrl: {Value"), "ApiUrl becomes the variable API_URL, which"),
        (RESOURCES.replace("  BadgeBucket: {Value", "  TableName: {Value"), "Rollcall's functions have a variable"),
        (
            f"{RESOURCES}  BADGEBucket: {{Value: x}}\n",
            "BadgeBucket and BADGEBucket both become the variable BADGE_BUCKET",
        ),
    ],
)
def test_own_resources_whose_outputs_cannot_be_variables_are_refused(read, template, says):
    toml = '[environment]\nAPI_URL = "x"\n[resources]\ntemplate = "resources.yaml"'
    with pytest.raises(BadWork, match=says):
        read(toml, **{"resources.yaml": template})


def test_more_variables_than_lambda_has_room_for_are_refused():
    assert as_parameters({"ÄÖ": "ü"}, {"B": "ssm:/b"}) == {
        "WorkEnvironment": '{"ÄÖ":"ü"}',
        "WorkSecrets": '{"B":"ssm:/b"}',
    }
    with pytest.raises(BadWork, match=rf"take 2,\d+ bytes, and {MAX_BYTES:,} are left of Lambda's 4,096"):
        as_parameters({"LONG": "x" * MAX_BYTES}, {})
