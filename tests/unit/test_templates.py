"""The templates: clean, least privilege, and exactly the parameters and outputs that docs/design.md promises."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint import decode

from bootstrap.parameters import (
    COMPUTED,
    BadParameter,
    declared,
    derived,
    refuse_items_beyond_max_items,
    refuse_large_environment,
    refuse_long_items,
    refuse_sharing_with_code,
    refuse_short_lived_children,
    refuse_unknown,
    resolve,
)
from bootstrap.stacks import DEFINITION, SANDBOX_PARAMETERS, STACK_NAMES, TEMPLATES, template
from costs.plan.settings import (
    BATCHING_SECONDS,
    ORCHESTRATION_MEMORY,
    SFN_BATCHER_TIMEOUT,
    UNBATCHED_MESSAGES,
)
from costs.plan.sqs_counts import FINALIZERS
from handlers.aws.events import SOURCE
from handlers.sfn.express import (
    HAND_ON_SECONDS,
    LIMIT_SECONDS,
    RECORDER_CALLS,
    RECORDER_SECONDS,
    REFUSED_SECONDS,
    begin_minutes,
    work_seconds,
)
from handlers.sqs.batcher import INVOCATION_TRIES
from tests.cfn_lint import findings

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


def filled_in(begin: str = "Clock") -> str:
    """The state machine's definition with values of the right kind for its substitutions."""
    text = DEFINITION.read_text()
    for name in ("BeginMinutes", "RetryDelaySeconds", "SettleSeconds", "DeadlineSeconds"):
        text = text.replace(f"${{{name}}}", "7")
    text = text.replace("${Partition}", "aws").replace("${ChildType}", "EXPRESS").replace("${BatchBucket}", "a-bucket")
    text = text.replace("${Begin}", begin)
    return re.sub(r"\$\{(\w+)Function}", r"arn:aws:lambda:eu-west-1:123456789012:function:\1", text)


def test_cfn_lint_finds_nothing_in_the_state_machine():
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::123456789012:role/a-role", "DefinitionString": filled_in()},
    }
    assert findings(json.dumps({"Resources": {"StateMachine": machine}})) == []


def test_every_substitution_of_the_state_machine_is_given_and_used():
    used = set(re.findall(r"\$\{(\w+)}", DEFINITION.read_text()))
    document, _ = decode.decode(str(TEMPLATES / "sfn-batch-processing.yaml"))
    assert set(document["Resources"]["StateMachine"]["Properties"]["DefinitionSubstitutions"]) == used


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


@pytest.mark.parametrize(("timeout", "settle"), [(1, 13), (900, 912)])
def test_an_early_end_waits_for_the_processors_init_and_timeout(timeout: int, settle: int):
    found = derived({"FunctionTimeout": "60", "ProcessorTimeout": str(timeout), "RetryDelaySeconds": "10"})
    assert found["SettleSeconds"] == str(settle)


@pytest.mark.parametrize(
    ("kind", "timeout", "minutes"), [("EXPRESS", 60, 2), ("EXPRESS", 96, 1), ("STANDARD", 900, 60)]
)
def test_a_child_is_told_in_which_minutes_it_may_begin_work(kind: str, timeout: int, minutes: int):
    given = {"ProcessorTimeout": str(timeout), "RetryDelaySeconds": "10", "ChildType": kind}
    assert derived({"FunctionTimeout": "60", **given})["BeginMinutes"] == str(minutes)


@pytest.mark.parametrize("name", sorted(COMPUTED))
def test_a_parameter_that_the_deployment_computes_has_a_value_and_is_taken_from_nobody(name: str):
    known = [declared(template(architecture)) for architecture in ARCHITECTURES]
    assert {parameters[name].get("Default", "") for parameters in known if name in parameters} == {""}
    assert any(name in parameters for parameters in known)
    with pytest.raises(BadParameter, match=f"{name} cannot be set: the deployment computes it"):
        refuse_unknown({name: "1"}, known)


def test_the_deployment_computes_all_that_has_no_default_but_the_input_bucket(architecture: str):
    without = {name for name, about in declared(template(architecture)).items() if "Default" not in about}
    assert without <= COMPUTED | {"InputBucket"}


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


def test_the_sandboxs_parameters_are_ones_that_a_stack_has_and_allows(architecture: str):
    refuse_unknown(SANDBOX_PARAMETERS, [declared(template(name)) for name in ARCHITECTURES])
    resolve(declared(template(architecture)), SANDBOX_PARAMETERS)


def test_an_unknown_parameter_is_refused_and_the_known_ones_are_listed():
    with pytest.raises(BadParameter, match=r"unknown parameter 'ItemPerChunk'; the stacks have .*ItemsPerChunk"):
        refuse_unknown({"ItemPerChunk": "1"}, [declared(template("sqs"))])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"FunctionTimeout": "2"}, "FunctionTimeout=2: it must be a whole number from 3 to 120"),
        ({"ProcessorTimeout": "901"}, "ProcessorTimeout=901: it must be a whole number from 1 to 900"),
        ({"ProcessorTimeout": "7.5"}, "ProcessorTimeout=7.5: it must be a whole number from 1 to 900"),
        ({"ProcessorTimeout": "1_0"}, "ProcessorTimeout=1_0: it must be a whole number"),
        ({"ItemTimeout": "-1"}, "ItemTimeout=-1: it must be a number from 0 to 900"),
        ({"PermanentErrors": "a b"}, "PermanentErrors=a b: it must be classes such as pydantic.ValidationError"),
        ({"LogLevel": "info"}, "LogLevel=info: it must be one of DEBUG, INFO, WARNING, ERROR"),
        ({"MaxAttempts": "11"}, "MaxAttempts=11: it must be a whole number from 1 to 10"),
        ({"WorkScale": "fast"}, "WorkScale=fast: it must be a number from 0"),
        ({"InputPrefix": "input"}, "InputPrefix=input: it must be folders, each with a slash at its end"),
        ({"InputPrefix": ""}, "InputPrefix=: it must be folders"),
        ({"InputPrefix": "*/"}, r"InputPrefix=\*/: it must be folders"),
        ({"InputPrefix": "${aws:username}/"}, "InputPrefix=.*: it must be folders"),
        ({"InputBucketOwner": "me"}, "InputBucketOwner=me: it must be an account's 12 digits, or empty"),
        ({"InputKeyArn": "alias/mine"}, "InputKeyArn=alias/mine: it must be the ARN of a key of KMS, not of an alias"),
        ({"ResultsKeyArn": "*"}, r"ResultsKeyArn=\*: it must be the ARN of a key of KMS"),
        ({"MaxItems": "0"}, "MaxItems=0: it must be a whole number from 1 to 100000000"),
        ({"ScheduleState": "ON"}, "ScheduleState=ON: it must be one of ENABLED, DISABLED"),
    ],
)
def test_a_value_that_aws_would_refuse_is_refused_before_anything_is_made(given: dict, message: str, architecture: str):
    with pytest.raises(BadParameter, match=message):
        resolve(declared(template(architecture)), given)


@pytest.mark.parametrize(
    ("pollers", "taken"), [("0", True), ("1", False), ("2", True), ("10000", True), ("10001", False)]
)
def test_provisioned_pollers_are_none_or_as_many_as_aws_takes(pollers: str, taken: bool):
    known, given = declared(template("sqs")), {"ProvisionedPollers": pollers}
    if taken:
        assert resolve(known, given)["ProvisionedPollers"] == pollers
    else:
        with pytest.raises(BadParameter, match=f"ProvisionedPollers={pollers}: it must be 0, or a number from 2 to"):
            resolve(known, given)


@pytest.mark.parametrize(("units", "taken"), [("0", True), ("3999", False), ("4000", True), ("40000", True)])
def test_a_table_is_warmed_beyond_what_every_table_takes_or_not_at_all(units: str, taken: bool):
    known = declared(template("sqs"))
    if taken:
        assert resolve(known, {"WarmThroughput": units})["WarmThroughput"] == units
    else:
        with pytest.raises(BadParameter, match="WarmThroughput=3999: it must be 0, or a number from 4000 to 9999999"):
            resolve(known, {"WarmThroughput": units})


def test_the_failure_recorder_has_the_time_that_an_express_child_keeps_for_it():
    document, _ = decode.decode(str(TEMPLATES / "sfn-batch-processing.yaml"))
    assert document["Resources"]["FailureRecorderFunction"]["Properties"]["Timeout"] == RECORDER_SECONDS


def states() -> dict[str, dict]:
    """Every state of the batch, of its children and of their chunks, by name."""
    definition = json.loads(filled_in())["States"]
    child = definition["Process chunks"]["ItemProcessor"]["States"]
    return definition | child | states_of_a_chunk()


def states_of_a_chunk() -> dict[str, dict]:
    child = json.loads(filled_in())["States"]["Process chunks"]["ItemProcessor"]["States"]
    return child["Its chunks"]["ItemProcessor"]["States"]


def following(state: dict) -> set[str]:
    """The states that may follow."""
    others = [*state.get("Choices", []), *state.get("Catch", [])]
    return {other["Next"] for other in (state, *others) if "Next" in other} | {state.get("Default", "")} - {""}


def longest_waits(retriers: list[dict]) -> list[float]:
    """The seconds for which each of a state's retriers waits between its calls, all together."""
    return [
        sum(each["IntervalSeconds"] * each.get("BackoffRate", 2) ** number for number in range(each["MaxAttempts"]))
        for each in retriers
    ]


def retriers(state: dict, name: str) -> list[dict]:
    return [each for each in state["Retry"] if name in each["ErrorEquals"]]


def test_an_express_child_begins_work_only_after_a_look_at_the_clock():
    chunk = states_of_a_chunk()
    assert {name for name, state in chunk.items() if "Process" in following(state)} == {"Time left?"}
    assert {name for name, state in chunk.items() if "Time left?" in following(state)} == {"Clock"}
    assert chunk["Time left?"]["Default"] == "Hand on"


def test_what_a_child_does_between_two_looks_at_the_clock_takes_no_longer_than_it_keeps_for_it():
    chunk = states_of_a_chunk()
    assert max(longest_waits(chunk["Process"]["Retry"])) <= REFUSED_SECONDS
    *refused, other = chunk["Record failure"]["Retry"]
    assert max(longest_waits(refused)) <= REFUSED_SECONDS
    assert 1 + other["MaxAttempts"] == RECORDER_CALLS
    for name in ("Hand on", "Leave it to the finalizer"):
        assert sum(longest_waits(chunk[name]["Retry"])) < HAND_ON_SECONDS
    assert chunk["Wait for services"]["Seconds"] < work_seconds(1, 0)
    # A child that looks one second too early begins work for all of this.
    for timeout, delay in ((60, 10), (96, 0), (1, 145)):
        assert 60 * begin_minutes(timeout, delay) + work_seconds(timeout, delay) <= LIMIT_SECONDS


@pytest.mark.parametrize("kind", ["Clock", "Process"])
def test_every_state_of_a_chunk_is_reachable_for_aws_refuses_a_definition_otherwise(kind: str):
    child = json.loads(filled_in(kind))["States"]["Process chunks"]["ItemProcessor"]["States"]["Its chunks"][
        "ItemProcessor"
    ]
    found, new = set(), {child["StartAt"]}
    while new:
        found |= new
        new = set().union(*(following(child["States"][name]) for name in new)) - found
    assert found == set(child["States"])


@pytest.mark.parametrize("state", ["Make chunks", "Try the work", "Hand out what is left"])
def test_being_refused_by_lambda_is_no_attempt_and_is_tried_until_the_deadline(state):
    (retrier,) = retriers(states()[state], "Lambda.TooManyRequestsException")
    assert retrier["MaxAttempts"] * retrier["MaxDelaySeconds"] > 14 * 24 * 3600


@pytest.mark.parametrize("state", ["Make chunks", "Hand out what is left", "Finalize"])
def test_what_a_service_refuses_is_tried_until_the_deadline_and_a_mistake_a_few_times(state):
    (service,) = retriers(states()[state], "ServiceUnavailable")
    assert service["MaxAttempts"] * service["MaxDelaySeconds"] > 14 * 24 * 3600
    (mistake,) = retriers(states()[state], "States.ALL")
    assert mistake["MaxAttempts"] <= 8


def test_express_children_that_might_outlive_their_five_minutes_are_refused():
    known = declared(template("sfn"))
    refuse_short_lived_children(resolve(known))
    refuse_short_lived_children(
        resolve(known, {"ChildType": "STANDARD", "ProcessorTimeout": "900", "MaxAttempts": "10"})
    )
    refuse_short_lived_children(resolve(known, {"FunctionTimeout": "120"}))
    # However many attempts: another child takes up what one has no time for.
    refuse_short_lived_children(resolve(known, {"MaxAttempts": "10", "RetryDelaySeconds": "140"}))
    with pytest.raises(BadParameter, match=r"ProcessorTimeout=120 with RetryDelaySeconds=10 .* may need 287 s"):
        refuse_short_lived_children(resolve(known, {"ProcessorTimeout": "120"}))


def test_more_variables_of_the_work_than_a_function_may_have_are_refused():
    values = {"WorkEnvironment": "e" * 1_000, "WorkSecrets": "s" * 900, "PermanentErrors": "p" * 100}
    refuse_large_environment(values)
    with pytest.raises(BadParameter, match="have 2,001 bytes: 2,000 at most"):
        refuse_large_environment(values | {"WorkSecrets": "s" * 901})


@pytest.mark.parametrize("prefix", ["input/", "a/b.c/d-e_f/"])
def test_an_input_prefix_is_folders(prefix: str, architecture: str):
    assert resolve(declared(template(architecture)), {"InputPrefix": prefix})["InputPrefix"] == prefix


@pytest.mark.parametrize("name", ["InputBucket", "ResultsBucket"])
def test_a_bucket_that_others_write_is_not_that_of_the_code(name: str, architecture: str):
    known = declared(template(architecture))
    refuse_sharing_with_code(resolve(known, {name: "another"}), "the-code")
    with pytest.raises(BadParameter, match=f"{name}=the-code: that is the bucket of the functions' code"):
        refuse_sharing_with_code(resolve(known, {name: "the-code"}), "the-code")


def test_a_schedule_whose_every_batch_would_be_refused_is_refused(architecture: str):
    known = declared(template(architecture))
    refuse_items_beyond_max_items(resolve(known, {"Items": "5000", "MaxItems": "5000"}))
    with pytest.raises(BadParameter, match="Items=5001 is more than MaxItems=5000: raise MaxItems too"):
        refuse_items_beyond_max_items(resolve(known, {"Items": "5001", "MaxItems": "5000"}))


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


def test_an_item_may_not_take_as_long_as_its_processor_has(architecture: str):
    known = declared(template(architecture))
    refuse_long_items(resolve(known, {"ItemTimeout": "0", "ProcessorTimeout": "1"}))
    refuse_long_items(resolve(known, {"ItemTimeout": "59.5"}))
    with pytest.raises(BadParameter, match="ItemTimeout=60 must be less than ProcessorTimeout=60, or 0"):
        refuse_long_items(resolve(known, {"ItemTimeout": "60"}))
