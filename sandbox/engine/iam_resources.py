"""CloudFormation changes roles and managed policies in place: stock makes a role anew, and a policy not at all."""

import json
from typing import Any

from localstack.utils.patch import patch


def install(_provider: Any) -> None:
    """Patch the resource providers, once the service is loaded."""
    from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
    from localstack.services.iam.resource_providers.aws_iam_managedpolicy import IAMManagedPolicyProvider
    from localstack.services.iam.resource_providers.aws_iam_role import IAMRoleProvider

    @patch(IAMRoleProvider.update)
    def update_role(stock: Any, self: Any, request: Any) -> Any:
        before, after = request.previous_state, request.desired_state
        if any(before.get(name) != after.get(name) for name in (*before, *after) if name not in CHANGED | MADE):
            return stock(self, request)
        iam, role = request.aws_client_factory.iam, before["RoleName"]
        attached, wanted = (set(state.get("ManagedPolicyArns") or ()) for state in (before, after))
        for arn in attached - wanted:
            iam.detach_role_policy(RoleName=role, PolicyArn=arn)
        for arn in wanted - attached:
            iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        inline, kept = (
            {policy["PolicyName"]: policy["PolicyDocument"] for policy in state.get("Policies") or ()}
            for state in (before, after)
        )
        for name in inline.keys() - kept.keys():
            iam.delete_role_policy(RoleName=role, PolicyName=name)
        for name, document in kept.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        update_boundary(iam, role, before, after)
        trusted = json.dumps(after["AssumeRolePolicyDocument"])
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=trusted)
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model={**after, **made_of(before)})

    @patch(IAMManagedPolicyProvider.update)
    def update_policy(_stock: Any, _self: Any, request: Any) -> Any:
        before, after = request.previous_state, request.desired_state
        iam, arn = request.aws_client_factory.iam, before["Id"]
        document = json.dumps(after["PolicyDocument"])
        # AWS keeps five versions, and CloudFormation makes room.
        for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model={**after, **made_of(before)})


def update_boundary(iam: Any, role: str, before: Any, after: Any) -> None:
    """Change a role's permissions boundary to that of its new state."""
    was, wanted = before.get("PermissionsBoundary"), after.get("PermissionsBoundary")
    if wanted and wanted != was:
        iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=wanted)
    elif was and not wanted:
        iam.delete_role_permissions_boundary(RoleName=role)


CHANGED = {"AssumeRolePolicyDocument", "ManagedPolicyArns", "PermissionsBoundary", "Policies"}
"""What a role changes in place."""

MADE = {"Arn", "Id", "ManagedPolicyName", "RoleId", "RoleName"}
"""What the providers add to a resource when they make it."""


def made_of(state: Any) -> dict[str, Any]:
    """What was added to a resource when it was made."""
    return {name: state[name] for name in MADE if name in state}
