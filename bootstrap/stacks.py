"""The two stacks: their names, their templates, and the sandbox's values for their parameters."""

import platform
import re
from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
DEFINITION = TEMPLATES / "sfn-batch-processing.asl.json"

# Architecture, as the command line names it: name of its stack, to which a suffix may be added.
STACK_NAMES = {"sqs": "SqsBatchProcessing", "sfn": "SfnBatchProcessing"}
ARCHITECTURE_TITLES = {"sqs": "SQS and DynamoDB", "sfn": "Step Functions"}
# With it the name has at most the 128 characters that CloudFormation allows.
SUFFIX = re.compile(r"[A-Za-z0-9-]{0,100}")

# Quick and quiet: what makes a batch of a laptop end in seconds. Everything else is as on AWS.
SANDBOX_PARAMETERS = {
    "ScheduleState": "DISABLED",
    "RetryDelaySeconds": "1",
    "CheckIntervalSeconds": "5",
    "FunctionTimeout": "30",  # a crashed invocation is made up for after six of these
    "ChildType": "STANDARD",  # the engine's Distributed Map has no EXPRESS children
    "CpuArchitecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
}


def checked_suffix(text: str) -> str:
    """`text` if it can be added to a stack's name. Raises ValueError."""
    if not SUFFIX.fullmatch(text):
        raise ValueError(f"{text!r} must be at most 100 letters, digits and hyphens")
    return text


def template(architecture: str) -> str:
    """The CloudFormation template of `sqs` or `sfn`."""
    return (TEMPLATES / f"{architecture}-batch-processing.yaml").read_text()
