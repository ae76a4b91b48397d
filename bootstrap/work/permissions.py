"""The permissions of the work: a generated stack with a managed policy for the work, and one for the source."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from bootstrap.change_sets import Stacks
from bootstrap.stacks import outputs_of
from bootstrap.work.problem import BadWork
from bootstrap.work.secret import Secret
from bootstrap.work.secret_stores import Found
from bootstrap.work.settings import Permission

STACK = "RollcallWork"
PARAMETERS = ("WorkPolicyArn", "SourcePolicyArn")
PLACE = ("AWS::AccountId", "AWS::Partition", "AWS::Region")
REFERENCE = re.compile(r"\$\{([^}]*)\}")
# What a secret is read with.
READS = {"ssm": "ssm:GetParameters", "secretsmanager": "secretsmanager:GetSecretValue"}
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_POLICY = 6144
# IAM takes no policy without a statement, and everyone may call this.
NOTHING = {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}

type Statement = dict[str, Any]


def unknown_names(permission: Permission, outputs: Iterable[str]) -> list[str]:
    """What the permission's resources name, `${Name}`, although it neither is an output nor tells the place."""
    known = {*outputs, *PLACE}
    return [name for resource in permission.resources for name in REFERENCE.findall(resource) if name not in known]


def statements_for_secrets(secrets: Mapping[Secret, Found]) -> list[Statement]:
    """Statements that allow to read exactly these secrets."""
    statements: list[Statement] = []
    for kind, action in READS.items():
        arns = sorted({found.arn for secret, found in secrets.items() if secret.kind == kind})
        if arns:
            statements.append({"Effect": "Allow", "Action": action, "Resource": arns})
        keys = sorted({found.key_arn for secret, found in secrets.items() if secret.kind == kind and found.key_arn})
        if keys:
            service = {"Fn::Sub": f"{kind}.${{AWS::Region}}.${{AWS::URLSuffix}}"}
            via = {"StringEquals": {"kms:ViaService": service}}
            statements.append({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": keys, "Condition": via})
    return statements


def statements_of(permissions: Iterable[Permission], values: Mapping[str, str]) -> list[Statement]:
    """A statement for each permission. `values` are those of the outputs and of PLACE, which resources may name."""
    return [
        {
            "Effect": "Allow",
            "Action": list(permission.actions),
            "Resource": [REFERENCE.sub(lambda match: values[match[1]], each) for each in permission.resources],
        }
        for permission in permissions
    ]


def template_of(work: list[Statement], source: list[Statement]) -> str:
    """The stack's template. Both policies are always there: one that a role has cannot be deleted.

    Raises BadWork for a policy that is too long.
    """
    resources, outputs = {}, {}
    for name, statements in (("WorkPolicy", work), ("SourcePolicy", source)):
        document = {"Version": "2012-10-17", "Statement": statements or [NOTHING]}
        if (size := len(json.dumps(document, separators=(",", ":")))) > MAX_POLICY:
            raise BadWork(
                f"rollcall.toml: the permissions and secrets make a policy of {size:,} characters, and IAM takes "
                f"{MAX_POLICY:,}: name fewer resources, or patterns of their names"
            )
        resources[name] = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
        outputs[f"{name}Arn"] = {"Value": {"Ref": name}}
    description = "What the functions that run your work, and your source, may do: from rollcall.toml."
    return json.dumps({"Description": description, "Resources": resources, "Outputs": outputs}, indent=1)


def deploy_permissions(stacks: Stacks, suffix: str, work: list[Statement], source: list[Statement]) -> dict[str, str]:
    """Create or update the policies, if there is anything to allow; returns the stacks' parameters with their ARNs."""
    if not work and not source:
        return dict.fromkeys(PARAMETERS, "")
    name = STACK + suffix
    stacks.deploy(name, template_of(work, source))
    outputs = outputs_of(stacks.find(name))
    return {parameter: outputs[parameter] for parameter in PARAMETERS}


def remove_permissions(stacks: Stacks, suffix: str) -> None:
    """Delete the stack if there is one. Raises DeployFailed."""
    if stacks.describe(STACK + suffix):
        stacks.delete(STACK + suffix)
        stacks.progress(f"{STACK + suffix}: deleted")
