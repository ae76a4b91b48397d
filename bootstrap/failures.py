"""Failures of a deployment: the resource and AWS's reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Failure:
    """A resource that could not be created, updated or deleted. `type` is empty if the whole stack failed."""

    stack: str
    resource: str
    type: str
    status: str
    reason: str

    def __str__(self) -> str:
        what = f"{self.resource} ({self.type})" if self.type else self.resource
        return f"{self.stack}: {what} {self.status}: {self.reason}"


class DeployFailed(Exception):
    """Stacks could not be deployed or deleted. The message has a line for each failed resource."""

    def __init__(self, failures: Iterable[Failure]):
        self.failures = tuple(failures)
        super().__init__("\n".join(map(str, self.failures)))


def refused(stack: str, reason: str) -> DeployFailed:
    """The failure of a change set that CloudFormation refused."""
    return DeployFailed([Failure(stack, "change set", "", "FAILED", reason)])


def failed(cloudformation: Any, stack: str, stack_id: str, since: set[str], advice: str = "") -> DeployFailed:
    """The failures in the stack's events, oldest first, without the events with the ids `since`; then the advice."""
    failures = []
    for event in reversed(events(cloudformation, stack_id)):
        reason = event.get("ResourceStatusReason", "")
        # A resource that CloudFormation cancelled because another one failed is not the cause.
        if event["EventId"] in since or not reason or reason.startswith("Resource creation cancelled"):
            continue
        if event["ResourceStatus"].endswith("_FAILED"):
            name, kind = event["LogicalResourceId"], event["ResourceType"]
            failures.append(Failure(stack, name, kind, event["ResourceStatus"], reason))
    if not failures:
        [description] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
        status, reason = description["StackStatus"], description.get("StackStatusReason", "no reason given")
        failures = [Failure(stack, "stack", "", status, reason)]
    if advice:
        failures.append(Failure(stack, "stack", "", "FAILED", advice))
    return DeployFailed(failures)


def events(cloudformation: Any, stack_id: str) -> list[dict[str, Any]]:
    """Every event of the stack, newest first."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    return [event for page in pages for event in page["StackEvents"]]
