"""The two stacks: names, templates, the sandbox's values for their parameters, and CloudFormation's description."""

import platform
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from bootstrap.failures import DeployFailed, Failure

TEMPLATES = Path(__file__).parent / "templates"
DEFINITION = TEMPLATES / "sfn-batch-processing.asl.json"

# The stack of each architecture. A suffix may be added to the name.
STACK_NAMES = {"sqs": "SqsBatchProcessing", "sfn": "SfnBatchProcessing"}
ARCHITECTURE_TITLES = {"sqs": "SQS and DynamoDB", "sfn": "Step Functions"}
# CloudFormation allows names of 128 characters.
SUFFIX = re.compile(r"[A-Za-z0-9-]{0,100}")

# With these a batch on a laptop ends in seconds. All other parameters are as on AWS.
SANDBOX_PARAMETERS = {
    "RetryDelaySeconds": "1",
    "CheckIntervalSeconds": "5",
    # A crashed invocation's message is redelivered after six of these.
    "FunctionTimeout": "30",
    "ProcessorTimeout": "30",
    "CpuArchitecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
}

type Description = Mapping[str, Any]
"""A stack as DescribeStacks returns it."""


def checked_suffix(text: str) -> str:
    """Return `text` if it can be added to a stack's name. Raises ValueError."""
    if not SUFFIX.fullmatch(text):
        raise ValueError(f"{text!r} must be at most 100 letters, digits and hyphens")
    return text


def template(architecture: str) -> str:
    """The CloudFormation template of `sqs` or `sfn`."""
    return (TEMPLATES / f"{architecture}-batch-processing.yaml").read_text()


def find_stack(cloudformation: Any, name: str) -> Description | None:
    """CloudFormation's description of the stack, None if there is none."""
    try:
        [description] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return dict(description)
    except ClientError as error:
        # CloudFormation has no error code for a missing stack.
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise


def outputs_of(described: Description) -> dict[str, str]:
    """The values of the stack's outputs by key."""
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def parameters_of(described: Description) -> dict[str, str]:
    """The values of the stack's parameters by key."""
    return {given["ParameterKey"]: given["ParameterValue"] for given in described.get("Parameters", [])}


def side_by_side[T](do: Callable[[str], T], names: Iterable[str]) -> dict[str, T]:
    """Call `do(name)` for every name, each in its own thread, and return the results by name.

    All calls run to their end. Then one DeployFailed is raised with all their failures.
    """
    with ThreadPoolExecutor() as pool:
        running = {name: pool.submit(do, name) for name in names}
    results: dict[str, T] = {}
    failures: list[Failure] = []
    for name, future in running.items():
        try:
            results[name] = future.result()
        except DeployFailed as error:
            failures += error.failures
    if failures:
        raise DeployFailed(failures)
    return results
