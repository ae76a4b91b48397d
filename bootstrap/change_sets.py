"""Deploys one stack with a CloudFormation change set."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bootstrap.failures import events, failed, refused
from bootstrap.stacks import Description, find_stack, parameters_of

PREPARING = {"CREATE_PENDING", "CREATE_IN_PROGRESS"}
DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
# A stack in one of these states can only be deleted.
DEAD = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
# The types that the sandbox's engine changes. For others it reports success and does nothing.
CHANGED_IN_PLACE = {
    "AWS::IAM::Policy",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::StepFunctions::StateMachine",
}


@dataclass(frozen=True)
class Change:
    """The change of one resource in a change set. `action` is Add, Modify or Remove."""

    action: str
    resource: str
    type: str
    replacement: bool


@dataclass(frozen=True)
class Proposal:
    """A change set. It cannot be executed without changes."""

    change_set: str
    stack_id: str
    changes: list[Change]


@dataclass(frozen=True)
class Stacks:
    """The stacks of one account or sandbox. `progress` is called with every line of news."""

    cloudformation: Any
    sandbox: bool
    progress: Callable[[str], None]

    @property
    def interval(self) -> float:
        """Seconds between two polls of a stack."""
        return 0.1 if self.sandbox else 2

    @property
    def patience(self) -> int:
        """Polls after which a failed status is final: the engine sets it for one resource, and then goes on."""
        return 20 if self.sandbox else 0

    def describe(self, name: str) -> Description | None:
        """CloudFormation's description of a stack; None if there is none."""
        return find_stack(self.cloudformation, name)

    def find(self, name: str) -> Description:
        """CloudFormation's description of an existing stack. Raises ClientError if there is none."""
        [description] = self.cloudformation.describe_stacks(StackName=name)["Stacks"]
        return dict(description)

    def deploy(self, name: str, template: str, parameters: Mapping[str, str]) -> tuple[str, list[Change]]:
        """Create or update the stack.

        Returns `created`, `updated`, `recreated` or `unchanged`, and the changes. Raises DeployFailed.
        """
        found = self.describe(name)
        if found and found["StackStatus"] in DEAD:
            self.progress(f"{name}: {found['StackStatus']}, so it is deleted and created again")
            self.delete(name)
            found = None
        if not found or found["StackStatus"] == "REVIEW_IN_PROGRESS":
            return "created", self._execute(name, self._propose(name, "CREATE", template, parameters))
        proposal = self._propose(name, "UPDATE", template, parameters)
        if not proposal.changes:
            return "unchanged", []
        changed = [change for change in proposal.changes if self.sandbox and change.action == "Modify"]
        if stuck := [change for change in changed if change.replacement or change.type not in CHANGED_IN_PLACE]:
            names = ", ".join(sorted(f"{change.resource} ({change.type})" for change in stuck))
            self.progress(f"{name}: recreated without its batches: the engine cannot change {names} in place")
            self.delete(name)
            return "recreated", self._execute(name, self._propose(name, "CREATE", template, parameters))
        return "updated", self._execute(name, proposal)

    def parameters(self, name: str) -> dict[str, str]:
        """The stack's parameters. Raises ClientError if there is no stack."""
        return parameters_of(self.find(name))

    def change_parameters(self, name: str, values: Mapping[str, str]) -> None:
        """Change some parameters of a stack, but not its template. Raises DeployFailed."""
        template = self.cloudformation.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        proposal = self._propose(name, "UPDATE", template, self.parameters(name) | dict(values))
        if proposal.changes:
            self._execute(name, proposal)

    def delete(self, name: str) -> None:
        """Delete the stack, if there is one, and wait for its end. Raises DeployFailed."""
        found = self.describe(name)
        if not found:
            return
        before = {event["EventId"] for event in events(self.cloudformation, found["StackId"])}
        self.cloudformation.delete_stack(StackName=name)
        if self._wait_until_stable(name, {"DELETE_COMPLETE"}) == "DELETE_FAILED":
            raise failed(self.cloudformation, name, found["StackId"], before)

    def _propose(self, name: str, kind: str, template: str, parameters: Mapping[str, str]) -> Proposal:
        """Create a change set and wait for it. One without changes is deleted. Raises DeployFailed."""
        token = f"rollcall-{uuid.uuid4().hex}"
        try:
            made = self.cloudformation.create_change_set(
                StackName=name,
                ChangeSetName=token,
                ChangeSetType=kind,
                TemplateBody=template,
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
                Capabilities=["CAPABILITY_IAM"],
            )
        except ClientError as error:
            raise refused(name, error.response["Error"]["Message"]) from error
        pages = self.cloudformation.get_paginator("describe_change_set")
        while (found := pages.paginate(ChangeSetName=made["Id"]).build_full_result())["Status"] in PREPARING:
            time.sleep(self.interval)
        changes = [read_change(change["ResourceChange"]) for change in found["Changes"]]
        if found["Status"] == "FAILED":
            self.cloudformation.delete_change_set(ChangeSetName=made["Id"])
            reason = found.get("StatusReason", "no reason given")
            if not any(words in reason for words in NO_CHANGES):
                raise refused(name, reason)
            changes = []
        return Proposal(made["Id"], made["StackId"], changes)

    def _execute(self, name: str, proposal: Proposal) -> list[Change]:
        """Execute the change set and wait for its end. Raises DeployFailed."""
        before = {event["EventId"] for event in events(self.cloudformation, proposal.stack_id)}
        self.cloudformation.execute_change_set(ChangeSetName=proposal.change_set)
        if self._wait_until_stable(proposal.stack_id, DONE) not in DONE:
            raise failed(self.cloudformation, name, proposal.stack_id, before)
        return proposal.changes

    def _wait_until_stable(self, stack: str, done: set[str]) -> str:
        """Wait until the stack has a status of `done` or another final one, and return it; DELETE_COMPLETE for none."""
        failed_polls = 0
        while True:
            found = self.describe(stack) or {"StackStatus": "DELETE_COMPLETE", "Outputs": []}
            status: str = found["StackStatus"]
            if status in done:
                if "Outputs" in found:  # the engine sets the status a moment before the outputs
                    return status
            elif status.endswith("_FAILED"):
                failed_polls += 1
                if failed_polls > self.patience:
                    return status
            elif not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(self.interval)


def read_change(change: Mapping[str, Any]) -> Change:
    """Read a `ResourceChange` of DescribeChangeSet."""
    replacement = change.get("Replacement") in ("True", "Conditional")
    return Change(change["Action"], change["LogicalResourceId"], change["ResourceType"], replacement)
