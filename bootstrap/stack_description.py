"""A stack as CloudFormation describes it."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

type Description = Mapping[str, Any]


def describe_stack(cloudformation: Any, name: str) -> Description:
    """CloudFormation's description of a stack that is there. Raises ClientError."""
    return cloudformation.describe_stacks(StackName=name)["Stacks"][0]


def find_stack(cloudformation: Any, name: str) -> Description | None:
    """CloudFormation's description of the stack, None if there is none."""
    try:
        return describe_stack(cloudformation, name)
    except ClientError as error:
        # CloudFormation has no error code of its own for a stack that is not there.
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise


def outputs_of(described: Description) -> dict[str, str]:
    """Its outputs' values by key."""
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def parameters_of(described: Description) -> dict[str, str]:
    """Its parameters' values by key."""
    return {given["ParameterKey"]: given["ParameterValue"] for given in described.get("Parameters", [])}
