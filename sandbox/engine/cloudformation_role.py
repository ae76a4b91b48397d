"""CloudFormation makes, changes and deletes a stack's resources in the role that it is given; stock ignores the role.

The role stays the stack's until another is given, as on AWS. Without one, the calls are the engine's own.
"""

from typing import Any

from localstack.aws.connect import connect_to
from localstack.utils.patch import patch


def install(provider: Any) -> None:
    """Patch the service, which the engine has just loaded."""
    from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor

    kind, roles = type(provider), dict[str, str]()

    @patch(kind.create_change_set)
    def create_change_set(stock: Any, self: Any, context: Any, request: Any) -> Any:
        answer = stock(self, context, request)
        if role := request.get("RoleARN"):
            roles[answer["StackId"]] = role
        return answer

    @patch(kind.delete_stack)
    def delete_stack(stock: Any, self: Any, context: Any, stack_name: Any, *args: Any, **kwargs: Any) -> Any:
        if role := kwargs.get("role_arn"):
            [found] = self.describe_stacks(context, stack_name)["Stacks"]
            roles[found["StackId"]] = role
        return stock(self, context, stack_name, *args, **kwargs)

    @patch(kind._describe_stack)
    def describe_stack(stock: Any, self: Any, stack: Any) -> Any:
        role = roles.get(stack.stack_id)
        return stock(self, stack) | ({"RoleARN": role} if role else {})

    @patch(ChangeSetModelExecutor.create_resource_provider_payload)
    def create_resource_provider_payload(stock: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        payload, stack = stock(self, *args, **kwargs), self._change_set.stack
        if role := roles.get(stack.stack_id):
            sts = connect_to(aws_access_key_id=stack.account_id, region_name=stack.region_name).sts
            credentials = sts.assume_role(RoleArn=role, RoleSessionName="AWSCloudFormation")["Credentials"]
            payload["requestData"]["callerCredentials"] = {
                "accessKeyId": credentials["AccessKeyId"],
                "secretAccessKey": credentials["SecretAccessKey"],
                "sessionToken": credentials["SessionToken"],
            }
        return payload
