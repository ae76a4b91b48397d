"""The IAM actions and resources that an API call needs: a role's policy must allow them.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple


class Place(NamedTuple):
    """Region and account of a call; they complete a name to an ARN."""

    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


Request = Mapping[str, Any]
Needs = Iterator[tuple[str, str]]


def needed_actions(service: str, operation: str, request: Request, place: Place) -> set[tuple[str, str]]:
    """(action, resource ARN) pairs of one call, as `("sqs:SendMessage", "arn:aws:sqs:us-east-1:000000000000:q")`.

    `service` is botocore's name, and `request` holds the call's parameters. A service that is missing in `_SERVICES`
    has the resource `*`.
    """
    rules = _SERVICES.get(service)
    return set(rules(operation, request, place)) if rules else {(f"{service}:{operation}", "*")}


def _dynamodb(operation: str, request: Request, place: Place) -> Needs:
    def table(name: str) -> str:
        return name if name.startswith("arn:") else place.arn("dynamodb", f"table/{name}")

    if operation in ("TransactWriteItems", "TransactGetItems"):
        for item in request["TransactItems"]:
            for kind, call in item.items():
                action = "ConditionCheckItem" if kind == "ConditionCheck" else f"{kind}Item"
                yield f"dynamodb:{action}", table(call["TableName"])
    elif operation in ("BatchWriteItem", "BatchGetItem"):
        for name in request["RequestItems"]:
            yield f"dynamodb:{operation}", table(name)
    elif "TableName" in request:
        index = f"/index/{request['IndexName']}" if "IndexName" in request else ""
        yield f"dynamodb:{operation}", table(request["TableName"]) + index
    else:
        yield f"dynamodb:{operation}", request.get("ResourceArn", "*")


def _sqs(operation: str, request: Request, place: Place) -> Needs:
    name = request["QueueUrl"].rpartition("/")[2] if "QueueUrl" in request else request.get("QueueName")
    yield f"sqs:{operation.removesuffix('Batch')}", place.arn("sqs", name) if name else "*"


_S3_ACTIONS = {
    "HeadObject": "GetObject",
    **dict.fromkeys(("HeadBucket", "ListObjects", "ListObjectsV2"), "ListBucket"),
    "ListObjectVersions": "ListBucketVersions",
    "ListBuckets": "ListAllMyBuckets",
    **dict.fromkeys(("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"), "PutObject"),
    **dict.fromkeys(("CopyObject", "UploadPartCopy"), "PutObject"),
    "ListParts": "ListMultipartUploadParts",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "DeleteObjects": "DeleteObject",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    **dict.fromkeys(("PutBucketLifecycleConfiguration", "DeleteBucketLifecycle"), "PutLifecycleConfiguration"),
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    **dict.fromkeys(("PutPublicAccessBlock", "DeletePublicAccessBlock"), "PutBucketPublicAccessBlock"),
    "GetBucketEncryption": "GetEncryptionConfiguration",
    **dict.fromkeys(("PutBucketEncryption", "DeleteBucketEncryption"), "PutEncryptionConfiguration"),
}
"""Actions that are not named as their operation."""


def _s3(operation: str, request: Request, _place: Place) -> Needs:
    resource = f"arn:aws:s3:::{request['Bucket']}" if "Bucket" in request else "*"
    if "Key" in request:
        resource += f"/{request['Key']}"
    elif operation == "DeleteObjects":
        resource += "/*"
    yield f"s3:{_S3_ACTIONS.get(operation, operation)}", resource
    if source := request.get("CopySource"):
        path = f"{source['Bucket']}/{source['Key']}" if isinstance(source, Mapping) else source.lstrip("/")
        yield "s3:GetObject", f"arn:aws:s3:::{path}"


_KMS_ACTIONS = {
    **dict.fromkeys(("GetObject", "HeadObject"), ("Decrypt",)),
    **dict.fromkeys(("PutObject", "CopyObject"), ("GenerateDataKey",)),
    **dict.fromkeys(("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"), ("GenerateDataKey", "Decrypt")),
}
"""What S3 does with the key of an object, with the rights of its caller.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
"""


def needed_of_key(operation: str, answer: Mapping[str, Any]) -> set[tuple[str, str]]:
    """(action, key ARN) pairs of a call to S3: its answer names the key if the object is encrypted by one of KMS."""
    key = answer.get("SSEKMSKeyId")
    return {(f"kms:{action}", key) for action in _KMS_ACTIONS.get(operation, ())} if key else set()


def _lambda(operation: str, request: Request, place: Place) -> Needs:
    name = request.get("FunctionName", "*")
    if name != "*" and not name.startswith("arn:"):
        name = place.arn("lambda", f"function:{name.rpartition('function:')[2]}")
    qualifier = request.get("Qualifier")
    if qualifier and not name.endswith(f":{qualifier}"):
        name += f":{qualifier}"
    if "EventSourceMapping" in operation:
        # Of a mapping that does not exist yet AWS checks the function, as a condition; the list has no resource.
        name = place.arn("lambda", f"event-source-mapping:{request['UUID']}") if "UUID" in request else "*"
    elif "LayerName" in request:
        version = f":{request['VersionNumber']}" if "VersionNumber" in request else ""
        layer = request["LayerName"]
        name = (layer if layer.startswith("arn:") else place.arn("lambda", f"layer:{layer}")) + version
    yield f"lambda:{'InvokeFunction' if operation == 'Invoke' else operation}", name
    # What the service does on behalf of the caller with what the call names.
    if "Role" in request:
        yield "iam:PassRole", request["Role"]
    for layer in request.get("Layers", []):
        yield "lambda:GetLayerVersion", layer
    code = request.get("Code") or request.get("Content") or request
    if "S3Bucket" in code:
        yield "s3:GetObject", f"arn:aws:s3:::{code['S3Bucket']}/{code['S3Key']}"


def _events(operation: str, request: Request, place: Place) -> Needs:
    rule = request.get("Name") or request.get("Rule")
    if operation != "PutEvents" and rule:
        bus = request.get("EventBusName") or "default"
        yield f"events:{operation}", place.arn("events", f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}")
        for target in request.get("Targets", []):
            if "RoleArn" in target:
                yield "iam:PassRole", target["RoleArn"]
        return
    for entry in request.get("Entries", [{}]):
        bus = entry.get("EventBusName") or "default"
        yield f"events:{operation}", bus if bus.startswith("arn:") else place.arn("events", f"event-bus/{bus}")


def _logs(operation: str, request: Request, place: Place) -> Needs:
    group, stream = request.get("logGroupName", ""), request.get("logStreamName", "")
    # AWS names a stream in every denial; its name is empty if the call is about the group.
    yield f"logs:{operation}", place.arn("logs", f"log-group:{group}:log-stream:{stream}")


def _states(operation: str, request: Request, place: Place) -> Needs:
    known = ("stateMachineArn", "mapRunArn", "executionArn", "resourceArn")
    named = place.arn("states", f"stateMachine:{request['name']}") if operation == "CreateStateMachine" else "*"
    yield f"states:{operation}", next((request[key] for key in known if request.get(key)), named)
    if "roleArn" in request:
        yield "iam:PassRole", request["roleArn"]


def _iam(operation: str, request: Request, place: Place) -> Needs:
    name = f"role/{request['RoleName']}" if "RoleName" in request else f"policy/{request.get('PolicyName', '*')}"
    own = f"arn:aws:iam::{place.account}:{name}"
    yield f"iam:{operation}", own if "RoleName" in request else request.get("PolicyArn", own)


def _cloudformation(operation: str, request: Request, place: Place) -> Needs:
    name = request.get("StackName")
    stack = name if not name or name.startswith("arn:") else place.arn("cloudformation", f"stack/{name}/*")
    yield f"cloudformation:{operation}", stack or "*"
    if "RoleARN" in request:
        yield "iam:PassRole", request["RoleARN"]


def _sts(operation: str, request: Request, _place: Place) -> Needs:
    if operation != "GetCallerIdentity":  # needs no permission
        yield f"sts:{operation}", request.get("RoleArn", "*")


def _ssm(operation: str, request: Request, place: Place) -> Needs:
    names = request.get("Names") or [request.get("Name") or request.get("Path") or ""]
    for name in names:
        yield f"ssm:{operation}", place.arn("ssm", f"parameter/{name.removeprefix('/')}") if name else "*"


def needed_of_secret(operation: str, answer: Mapping[str, Any]) -> set[tuple[str, str]]:
    """(action, ARN) of a call to Secrets Manager: its answer names the ARN, which ends in characters of its own."""
    return {(f"secretsmanager:{operation}", answer.get("ARN", "*"))}


_SERVICES: dict[str, Callable[[str, Request, Place], Needs]] = {
    "cloudformation": _cloudformation,
    "iam": _iam,
    "dynamodb": _dynamodb,
    "sqs": _sqs,
    "s3": _s3,
    "lambda": _lambda,
    "events": _events,
    "logs": _logs,
    "stepfunctions": _states,
    "ssm": _ssm,
    "sts": _sts,
}
