"""What a stack's live resources differ in from its template: an engine may report a change that it never made."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cfnlint import decode

from bootstrap.deploy import StackOutputs
from bootstrap.stacks import TEMPLATES

type Clients = Callable[[str], Any]


class Unknown:
    """A value that only CloudFormation can tell, such as an ARN; it differs from nothing."""


NO_VALUE = object()
"""What a template leaves out on a condition."""


def differences(aws: Clients, architecture: str, stack: StackOutputs) -> list[str]:
    """A line per property of a live resource that is not what the template and the stack's parameters say."""
    document, _ = decode.decode(str(TEMPLATES / f"{architecture}-batch-processing.yaml"))
    found = aws("cloudformation").describe_stack_resources(StackName=stack.name)["StackResources"]
    ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}
    known = {**ids, **stack.parameters}
    resources = {
        name: resource
        for name, resource in document["Resources"].items()
        if "Condition" not in resource or holds(document["Conditions"][resource["Condition"]], document, known)
    }
    assert set(ids) == set(resources)
    lines: list[str] = []
    for name, resource in resources.items():
        wanted = resolve(resource["Properties"], document, known)
        if reader := READERS.get(resource["Type"]):
            live = reader(aws, ids[name], wanted)
            for field in wanted.keys() & live.keys():
                lines += compare(f"{name}.{field}", wanted[field], live[field])
    return lines


def resolve(value: Any, document: dict, known: Mapping[str, str]) -> Any:
    """`value` with references and conditions replaced by what they come to."""
    if isinstance(value, list):
        return [each for each in (resolve(each, document, known) for each in value) if each is not NO_VALUE]
    if not isinstance(value, dict):
        return value
    match next(iter(value.items()), None):
        case "Ref", "AWS::NoValue":
            return NO_VALUE
        case "Ref", name:
            return known.get(name, Unknown())
        case "Fn::If", [condition, yes, no]:
            return resolve(yes if holds(document["Conditions"][condition], document, known) else no, document, known)
        case "Fn::Join", [separator, parts]:
            return separator.join(map(str, resolve(parts, document, known)))
        case (("Fn::GetAtt" | "Fn::Sub"), _):
            return Unknown()
    resolved = {key: resolve(each, document, known) for key, each in value.items()}
    return {key: each for key, each in resolved.items() if each is not NO_VALUE}


def holds(condition: dict, document: dict, known: Mapping[str, str]) -> bool:
    """Whether a condition made of `Fn::Not`, `Fn::Or` and `Fn::Equals` is true."""
    if "Fn::Not" in condition:
        return not holds(condition["Fn::Not"][0], document, known)
    if "Fn::Or" in condition:
        return any(holds(each, document, known) for each in condition["Fn::Or"])
    one, other = resolve(condition["Fn::Equals"], document, known)
    return str(one) == str(other)


def compare(where: str, wanted: Any, live: Any) -> Iterator[str]:
    """Lines for what `wanted` has and `live` lacks or has otherwise; `live` may have more."""
    if isinstance(wanted, Unknown):
        return
    if isinstance(wanted, dict) and isinstance(live, dict):
        for key in wanted:
            yield from compare(f"{where}.{key}", wanted[key], live.get(key))
    elif isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        for index, (one, other) in enumerate(zip(wanted, live, strict=True)):
            yield from compare(f"{where}[{index}]", one, other)
    elif str(wanted).lower() != str(live).lower():
        yield f"{where}: the template says {wanted!r}, live is {live!r}"


def queue(aws: Clients, url: str, _: dict) -> dict:
    found = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found | {"RedrivePolicy": json.loads(found.get("RedrivePolicy", "{}"))}


def queue_policy(aws: Clients, _: str, wanted: dict) -> dict:
    found = queue(aws, wanted["Queues"][0], wanted)
    return {"PolicyDocument": json.loads(found.get("Policy", "{}"))}


def function(aws: Clients, name: str, _: dict) -> dict:
    found = aws("lambda").get_function_configuration(FunctionName=name)
    return found | {"Layers": [layer["Arn"] for layer in found["Layers"]]}


def event_source(aws: Clients, uuid: str, _: dict) -> dict:
    found = aws("lambda").get_event_source_mapping(UUID=uuid)
    return {key: value for key, value in found.items() if key != "FunctionArn"}


def rule(aws: Clients, name: str, _: dict) -> dict:
    found = aws("events").describe_rule(Name=name)
    targets = aws("events").list_targets_by_rule(Rule=name)["Targets"]
    return found | {"Targets": targets, "EventPattern": json.loads(found.get("EventPattern", "{}"))}


def table(aws: Clients, name: str, _: dict) -> dict:
    found = aws("dynamodb").describe_table(TableName=name)["Table"]
    ttl = aws("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return {
        "BillingMode": found["BillingModeSummary"]["BillingMode"],
        "KeySchema": found["KeySchema"],
        "TimeToLiveSpecification": {
            "AttributeName": ttl["AttributeName"],
            "Enabled": ttl["TimeToLiveStatus"] == "ENABLED",
        },
    }


def role_policy(aws: Clients, _: str, wanted: dict) -> dict:
    found = aws("iam").get_role_policy(RoleName=wanted["Roles"][0], PolicyName=wanted["PolicyName"])
    return {"PolicyDocument": found["PolicyDocument"]}


def state_machine(aws: Clients, arn: str, _: dict) -> dict:
    found = aws("stepfunctions").describe_state_machine(stateMachineArn=arn)
    definition = json.loads(found["definition"])
    chunks = definition["States"]["Process chunks"]
    each = chunks["ItemProcessor"]["States"]["Its chunks"]["ItemProcessor"]
    begin = each["States"]["Time left?"]["Choices"][0]["And"][1]
    return {
        "StateMachineType": found["type"],
        "DefinitionSubstitutions": {
            "DeadlineSeconds": definition["TimeoutSeconds"],
            "Begin": each["StartAt"],
            "BeginMinutes": begin["NumericLessThan"],
            "SettleSeconds": each["States"]["Wait for its end"]["Seconds"],
            "RetryDelaySeconds": each["States"]["Wait before retry"]["Seconds"],
            "ChildType": chunks["ItemProcessor"]["ProcessorConfig"]["ExecutionType"],
            "BatchBucket": chunks["ResultWriter"]["Parameters"]["Bucket"],
        },
    }


# Not read: what the engine is known not to have (docs/fidelity.md), a bucket's settings and a log group's retention.
READERS: dict[str, Callable[[Clients, str, dict], dict]] = {
    "AWS::DynamoDB::Table": table,
    "AWS::Events::Rule": rule,
    "AWS::IAM::Policy": role_policy,
    "AWS::Lambda::EventSourceMapping": event_source,
    "AWS::Lambda::Function": function,
    "AWS::SQS::Queue": queue,
    "AWS::SQS::QueuePolicy": queue_policy,
    "AWS::StepFunctions::StateMachine": state_machine,
}
