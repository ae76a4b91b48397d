"""The templates' parameters: which values are taken, computed or refused."""

import pytest

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
from bootstrap.stacks import SANDBOX_PARAMETERS, STACK_NAMES, template

ARCHITECTURES = list(STACK_NAMES)


@pytest.fixture(params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


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


def test_an_item_may_not_take_as_long_as_its_processor_has(architecture: str):
    known = declared(template(architecture))
    refuse_long_items(resolve(known, {"ItemTimeout": "0", "ProcessorTimeout": "1"}))
    refuse_long_items(resolve(known, {"ItemTimeout": "59.5"}))
    with pytest.raises(BadParameter, match="ItemTimeout=60 must be less than ProcessorTimeout=60, or 0"):
        refuse_long_items(resolve(known, {"ItemTimeout": "60"}))
