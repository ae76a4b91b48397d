"""Deploys one stack with a CloudFormation change set."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bootstrap.failures import events, failed, refused
from bootstrap.stacks import Description, find_stack

PREPARING = {"CREATE_PENDING", "CREATE_IN_PROGRESS"}
DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
# A stack in one of these states can only be deleted.
DEAD = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
# The types that the sandbox's engine changes. For others it reports success and does nothing.
CHANGED_IN_PLACE = {
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::StepFunctions::StateMachine",
}
# The type that it replaces as AWS does: the new one is there before the functions change, the old one goes after that.
REPLACED = {"AWS::Lambda::LayerVersion"}


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
class Plan:
    """What a deployment is to do. `change` is created, updated, recreated or unchanged.

    Without a proposal the stack is created, and before that deleted if there is a reason `why`.
    """

    name: str
    template: str
    parameters: Mapping[str, str]
    change: str
    proposal: Proposal | None = None
    why: str = ""


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

    def plan(self, name: str, template: str, parameters: Mapping[str, str]) -> Plan:
        """Find out what must be done to bring the stack to this template and these parameters. Raises DeployFailed."""
        found = self.describe(name)
        if found and found["StackStatus"] in DEAD:
            # Without outputs it never was complete, and had no batches.
            change = "recreated" if found.get("Outputs") else "created"
            why = f"an earlier deployment has failed ({found['StackStatus']})"
            return Plan(name, template, parameters, change, why=why)
        if not found or found["StackStatus"] == "REVIEW_IN_PROGRESS":
            return Plan(name, template, parameters, "created")
        proposal = self._propose(name, "UPDATE", template, parameters)
        if not proposal.changes:
            return Plan(name, template, parameters, "unchanged", proposal)
        changed = [change for change in proposal.changes if self.sandbox and change.action == "Modify"]
        changed = [change for change in changed if change.type not in REPLACED]
        if stuck := [change for change in changed if change.replacement or change.type not in CHANGED_IN_PLACE]:
            names = ", ".join(sorted(f"{change.resource} ({change.type})" for change in stuck))
            self.cloudformation.delete_change_set(ChangeSetName=proposal.change_set)
            return Plan(name, template, parameters, "recreated", why=f"the engine cannot change {names} in place")
        return Plan(name, template, parameters, "updated", proposal)

    def carry_out(self, plan: Plan) -> list[Change]:
        """Do what the plan says, and return the changes of the resources. Raises DeployFailed."""
        if plan.proposal:
            return self._execute(plan.name, plan.proposal) if plan.proposal.changes else []
        if plan.why:
            self.progress(f"{plan.name}: it is deleted and created again, without its batches: {plan.why}")
            self.delete(plan.name)
        return self._execute(plan.name, self._propose(plan.name, "CREATE", plan.template, plan.parameters))

    def deploy(self, name: str, template: str) -> None:
        """Create or update a stack without parameters, and tell it: before, if it must be created again."""
        plan = self.plan(name, template, {})
        if plan.change == "recreated":
            self.progress(f"{name}: is deleted with what it holds and created again, because {plan.why}")
        self.carry_out(plan)
        self.progress(f"{name}: {plan.change}")

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
