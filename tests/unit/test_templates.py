"""The templates: least privilege, and exactly the parameters and outputs that docs/design.md promises."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint import decode

from bootstrap.parameters import (
    declared,
    derived,
    resolve,
)
from bootstrap.stacks import STACK_NAMES, TEMPLATES, template
from costs.plan.settings import (
    BATCHING_SECONDS,
    ORCHESTRATION_MEMORY,
    SFN_BATCHER_TIMEOUT,
    UNBATCHED_MESSAGES,
)
from costs.plan.sqs_counts import FINALIZERS
from handlers.aws.events import SOURCE
from handlers.sqs.batcher import INVOCATION_TRIES

ARCHITECTURES = list(STACK_NAMES)
CONTRACT = (Path(__file__).resolve().parents[2] / "docs" / "design.md").read_text()
# Where AWS has no finer resource than what begins like this: objects of a bucket, executions of a state machine.
NARROW = re.compile(
    r"(\$\{BatchBucket\.Arn}/[a-z]+/|:::\$\{InputBucket}/\$\{InputPrefix}|:::\$\{ResultsBucket}/results/|:(execution|express|mapRun):\$\{StateMachine\.Name}[:/])\*$"
)


@pytest.fixture(params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def parsed(architecture: str) -> dict[str, Any]:
    """The template with intrinsic functions in their long form."""
    document, errors = decode.decode(str(TEMPLATES / f"{architecture}-batch-processing.yaml"))
    assert not errors
    return document


def of_type(document: dict, kind: str) -> dict[str, dict]:
    """Resources of a type, by name."""
    return {name: found for name, found in document["Resources"].items() if found["Type"] == kind}


def policies(document: dict) -> Iterator[tuple[str, dict]]:
    """Every statement that a role is given, with the role's name."""
    for policy in of_type(document, "AWS::IAM::Policy").values():
        [role] = policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            # A statement under a condition: as it is when the condition holds.
            yield role["Ref"], statement["Fn::If"][1] if "Fn::If" in statement else statement


def listed(value: Any) -> list:
    """A statement's `Action` or `Resource`, which may be one or many."""
    return value if isinstance(value, list) else [value]


def promised(sentence: str) -> set[str]:
    """The names that docs/design.md lists in the sentence that begins so."""
    start = CONTRACT.index(sentence) + len(sentence)
    return set(re.findall(r"`([A-Z]\w+)`", re.split(r"\.\s", CONTRACT[start:], maxsplit=1)[0]))


def test_parameters_are_those_of_the_contract(architecture: str):
    own = {"sqs": "SQS adds", "sfn": "Step Functions adds"}[architecture]
    assert set(declared(template(architecture))) == promised("Parameters of both:") | promised(own)


def test_outputs_are_those_of_the_contract(parsed: dict, architecture: str):
    assert set(parsed["Outputs"]) == promised(f"Outputs of `{STACK_NAMES[architecture]}`:")


def test_no_resource_has_a_name_of_its_own_so_that_stacks_can_live_side_by_side(parsed: dict):
    fixed = {"BucketName", "FunctionName", "Name", "QueueName", "RoleName", "StateMachineName", "TableName"}
    for name, resource in parsed["Resources"].items():
        given = fixed & set(resource["Properties"])
        if resource["Type"].startswith("AWS::Lambda::") and resource["Type"] != "AWS::Lambda::Function":
            given -= {"FunctionName"}  # which function it is for
        assert not given, f"{name} sets {given}"


def test_every_function_has_a_role_a_policy_and_a_log_group_of_its_own(parsed: dict, architecture: str):
    functions = of_type(parsed, "AWS::Lambda::Function")
    roles = [function["Properties"]["Role"]["Fn::GetAtt"][0] for function in functions.values()]
    assert len(functions) == len(set(roles)) == {"sqs": 3, "sfn": 4}[architecture]
    assert set(roles) <= {role for role, _ in policies(parsed)}
    groups = [
        group["Properties"]["LogGroupName"]["Fn::Sub"] for group in of_type(parsed, "AWS::Logs::LogGroup").values()
    ]
    assert sorted(group for group in groups if group.startswith("/aws/lambda/")) == sorted(
        f"/aws/lambda/${{{name}}}" for name in functions
    )
    assert all(group["Properties"]["RetentionInDays"] for group in of_type(parsed, "AWS::Logs::LogGroup").values())


def test_what_never_gets_through_to_the_batcher_is_told_to_the_finalizer_whose_queue_is_polled():
    document, _ = decode.decode(str(TEMPLATES / "sqs-batch-processing.yaml"))
    queue = {"Fn::GetAtt": ["FinalizerQueue", "Arn"]}
    (invocations,) = of_type(document, "AWS::Lambda::EventInvokeConfig").values()
    assert invocations["Properties"]["FunctionName"] == {"Ref": "BatcherFunction"}
    assert invocations["Properties"]["MaximumRetryAttempts"] + 1 == INVOCATION_TRIES
    assert invocations["Properties"]["DestinationConfig"] == {"OnFailure": {"Destination": queue}}
    rule = document["Resources"]["ScheduleRule"]
    (target,) = rule["Properties"]["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["BatcherFunction", "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": queue}
    sources = of_type(document, "AWS::Lambda::EventSourceMapping").values()
    polled = {source["Properties"]["EventSourceArn"]["Fn::GetAtt"][0] for source in sources}
    assert polled == set(of_type(document, "AWS::SQS::Queue")) == {"ChunkQueue", "FinalizerQueue"}


def test_policies_name_single_actions_and_exact_resources(parsed: dict):
    for role, statement in policies(parsed):
        assert statement["Effect"] == "Allow"
        assert not [action for action in listed(statement["Action"]) if "*" in action], role
        for resource in listed(statement["Resource"]):
            text = resource if isinstance(resource, str) else resource.get("Fn::Sub", "")
            assert "*" not in text or NARROW.search(text), f"{role}: {text}"


def test_every_permission_on_a_bucket_holds_for_one_account_only(parsed: dict):
    own = {"Ref": "AWS::AccountId"}
    inputs = {"Fn::If": ["ReadsOwnInput", own, {"Ref": "InputBucketOwner"}]}
    given = [
        (json.dumps(statement["Resource"]), statement.get("Condition", {}).get("StringEquals"))
        for _, statement in policies(parsed)
        if any(action.startswith("s3:") for action in listed(statement["Action"]))
    ]
    assert given
    for resource, condition in given:
        assert condition == {"aws:ResourceAccount": inputs if "${InputBucket}" in resource else own}, resource


def test_every_role_has_the_boundary_that_the_parameter_names(parsed: dict):
    bounded = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
    for name, role in of_type(parsed, "AWS::IAM::Role").items():
        assert role["Properties"]["PermissionsBoundary"] == bounded, name


def test_no_batch_starts_by_itself_unless_it_is_asked_for(architecture: str):
    assert resolve(declared(template(architecture)), {})["ScheduleState"] == "DISABLED"


def test_a_redeploy_can_read_every_value_that_it_keeps(architecture: str):
    for name, about in declared(template(architecture)).items():
        assert about["Type"] in ("String", "Number"), name
        assert "NoEcho" not in about, name


def test_a_template_fits_into_a_call_of_cloudformation(architecture: str):
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    assert len(template(architecture).encode()) <= 51_200


def test_no_role_may_touch_the_bucket_of_the_code(parsed: dict):
    assert not [role for role, statement in policies(parsed) if "CodeBucket" in json.dumps(statement)]


@pytest.mark.parametrize(
    ("condition", "resource", "action"),
    [
        ("ReadsEncryptedInput", "${InputBucket}/${InputPrefix}", "kms:Decrypt"),
        ("EncryptsResults", "${ResultsBucket}/results/", "kms:GenerateDataKey"),
    ],
)
def test_who_reads_or_writes_a_bucket_may_use_its_key_through_s3_only(
    parsed: dict, condition: str, resource: str, action: str
):
    through_s3 = {"StringEquals": {"kms:ViaService": {"Fn::Sub": "s3.${AWS::Region}.${AWS::URLSuffix}"}}}
    key = {"Ref": {"ReadsEncryptedInput": "InputKeyArn", "EncryptsResults": "ResultsKeyArn"}[condition]}
    wanted = {"Effect": "Allow", "Action": action, "Resource": key, "Condition": through_s3}
    conditional = [
        (policy["Properties"]["Roles"][0]["Ref"], statement["Fn::If"])
        for policy in of_type(parsed, "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "Fn::If" in statement
    ]
    users = {role for role, statement in policies(parsed) if resource in json.dumps(statement)}
    assert {role for role, given in conditional if given == [condition, wanted, {"Ref": "AWS::NoValue"}]} == users


def test_the_schedule_waits_for_every_right_that_its_first_batch_needs():
    document, _ = decode.decode(str(TEMPLATES / "sfn-batch-processing.yaml"))
    assert set(document["Resources"]["ScheduleRule"]["DependsOn"]) == set(of_type(document, "AWS::IAM::Policy"))


def test_events_are_published_under_rollcalls_name_only(parsed: dict):
    given = [statement for _, statement in policies(parsed) if "events:PutEvents" in listed(statement["Action"])]
    assert len(given) == 2
    for statement in given:
        assert statement["Condition"] == {"StringEquals": {"events:source": SOURCE}}


def test_a_service_that_says_for_whom_it_acts_may_act_for_this_accounts_rules_and_state_machines_only(parsed: dict):
    # The role is there before what it is for, so the condition cannot name that.
    sources = {"events.amazonaws.com": "events:%s:rule/*", "states.amazonaws.com": "states:%s:stateMachine:*"}
    for name, role in of_type(parsed, "AWS::IAM::Role").items():
        [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        # AWS documents no such keys for Lambda's execution roles.
        if (service := statement["Principal"]["Service"]) != "lambda.amazonaws.com":
            source = f"arn:${{AWS::Partition}}:{sources[service] % '${AWS::Region}:${AWS::AccountId}'}"
            assert statement.get("Condition") == {
                "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
                "ArnLike": {"aws:SourceArn": {"Fn::Sub": source}},
            }, name


def test_functions_that_read_input_are_told_where_and_whose_it_is(parsed: dict):
    settings = {"INPUT_BUCKET", "INPUT_PREFIX", "INPUT_BUCKET_OWNER"}
    told = {
        function["Properties"]["Role"]["Fn::GetAtt"][0]
        for function in of_type(parsed, "AWS::Lambda::Function").values()
        if settings <= function["Properties"]["Environment"]["Variables"].keys()
    }
    assert told == {role for role, statement in policies(parsed) if "${InputBucket}" in json.dumps(statement)}


def test_uploads_and_objects_of_a_batch_outlive_its_longest_deadline():
    document, _ = decode.decode(str(TEMPLATES / "sfn-batch-processing.yaml"))
    longest = declared(template("sfn"))["DeadlineSeconds"]["MaxValue"] / 86_400
    [rule] = document["Resources"]["BatchBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] > longest
    assert rule["ExpirationInDays"] > longest


def test_every_function_is_told_its_own_timeout(parsed: dict):
    for name, function in of_type(parsed, "AWS::Lambda::Function").items():
        timeout, told = (
            function["Properties"]["Timeout"],
            function["Properties"]["Environment"]["Variables"]["TIMEOUT"],
        )
        assert told == (timeout if isinstance(timeout, dict) else str(timeout)), name


def test_no_permission_is_given_twice(parsed: dict):
    given = [
        (role, action, json.dumps(resource))
        for role, statement in policies(parsed)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    assert len(given) == len(set(given))


def test_queues_are_encrypted_tls_only_and_wait_six_timeouts_and_the_batching_window(parsed: dict):
    queues = of_type(parsed, "AWS::SQS::Queue")
    protected = {
        policy["Properties"]["Queues"][0]["Ref"]
        for policy in of_type(parsed, "AWS::SQS::QueuePolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert protected == set(queues)
    sources = {
        source["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]: source["Properties"]["FunctionName"]["Ref"]
        for source in of_type(parsed, "AWS::Lambda::EventSourceMapping").values()
    }
    assert sources.keys() == queues.keys()
    for timeouts in (("3", "900"), ("120", "1"), ("61", "77")):
        values = dict(zip(("FunctionTimeout", "ProcessorTimeout"), timeouts, strict=True))
        known = values | derived(values)
        for name, queue in queues.items():
            assert queue["Properties"]["SqsManagedSseEnabled"] is True
            timeout = parsed["Resources"][sources[name]]["Properties"]["Timeout"]["Ref"]
            waited = int(known[queue["Properties"]["VisibilityTimeout"]["Ref"]])
            assert waited == 6 * int(known[timeout]) + BATCHING_SECONDS, name


def test_only_the_functions_with_user_code_have_the_works_layer_and_settings_and_the_policies_made_for_it(
    architecture: str, parsed: dict
):
    own_code = {"ProcessorFunction", "BatcherFunction"} | ({"FinalizerFunction"} if architecture == "sqs" else set())
    for name, function in of_type(parsed, "AWS::Lambda::Function").items():
        properties = function["Properties"]
        work_layer = {"Fn::If": ["HasWorkLayer", {"Ref": "WorkLayer"}, {"Ref": "AWS::NoValue"}]}
        assert properties["Layers"] == [{"Ref": "SdkLayer"}, *([work_layer] if name in own_code else [])], name
        given = {"LOG_LEVEL", "WORK_ENVIRONMENT", "WORK_SECRETS"} & properties["Environment"]["Variables"].keys()
        assert len(given) == (3 if name in own_code else 0), name
        role = parsed["Resources"][properties["Role"]["Fn::GetAtt"][0]]["Properties"]
        policy = "Work" if name == "ProcessorFunction" else "Source"
        attached = {"Fn::If": [f"Has{policy}Policy", [{"Ref": f"{policy}PolicyArn"}], {"Ref": "AWS::NoValue"}]}
        assert role.get("ManagedPolicyArns") == (attached if name in own_code else None), name


def test_both_stacks_take_the_same_timeouts():
    for name in ("FunctionTimeout", "ProcessorTimeout", "ItemTimeout"):
        sqs, sfn = (declared(template(architecture))[name] for architecture in ARCHITECTURES)
        assert [sqs[field] for field in ("MinValue", "MaxValue", "Default")] == [
            sfn[field] for field in ("MinValue", "MaxValue", "Default")
        ]


def test_a_plan_takes_what_no_parameter_sets_as_the_template_has_it(architecture: str, parsed: dict[str, Any]) -> None:
    functions = of_type(parsed, "AWS::Lambda::Function")
    memory = {name: function["Properties"].get("MemorySize") for name, function in functions.items()}
    assert memory.pop("ProcessorFunction") == {"Ref": "ProcessorMemory"}
    assert memory.pop("BatcherFunction") == {"Ref": "BatcherMemory"}
    assert set(memory.values()) == {ORCHESTRATION_MEMORY}
    if architecture == "sfn":
        assert functions["BatcherFunction"]["Properties"]["Timeout"] == SFN_BATCHER_TIMEOUT
        return
    sources = of_type(parsed, "AWS::Lambda::EventSourceMapping")
    assert sources["FinalizerEventSource"]["Properties"]["ScalingConfig"] == {"MaximumConcurrency": FINALIZERS}
    window = sources["ProcessorEventSource"]["Properties"]["MaximumBatchingWindowInSeconds"]
    assert window == {"Fn::If": ["BatchSizeNeedsNoWindow", 0, BATCHING_SECONDS]}
    sizes = [each["Fn::Equals"][1] for each in parsed["Conditions"]["BatchSizeNeedsNoWindow"]["Fn::Or"]]
    assert sizes == list(range(1, UNBATCHED_MESSAGES + 1))
