"""Reads the resources of a stack from its outputs."""

import re
from collections.abc import Iterator, Mapping

from rich.markup import escape

KINDS = (
    ("queues", "QueueUrl"),
    ("table", "TableName"),
    ("state machine", "StateMachineArn"),
    ("bucket", "BatchBucketName"),
    ("functions", "FunctionName"),
)


def resource_lines(outputs: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each kind of resource, with the resource's name or, if there are several, with their roles."""
    for kind, ending in KINDS:
        roles = [(key.removesuffix(ending), value) for key, value in outputs.items() if key.endswith(ending)]
        if len(roles) == 1:
            yield f"[dim]{kind:<13}[/] {escape(re.split('[:/]', roles[0][1])[-1])}"
        elif roles:
            yield f"[dim]{kind:<13}[/] {escape(', '.join(words(role) for role, _ in roles))}"


def functions(architecture: str, outputs: Mapping[str, str]) -> dict[str, str]:
    """The names of a stack's functions by role, such as `sfn.failure-recorder`."""
    return {
        f"{architecture}.{words(key.removesuffix('FunctionName'), '-')}": value
        for key, value in outputs.items()
        if key.endswith("FunctionName")
    }


def words(name: str, between: str = " ") -> str:
    """`FinalizerQueue` -> `finalizer queue`."""
    return re.sub(r"(?<!^)(?=[A-Z])", between, name).lower()
