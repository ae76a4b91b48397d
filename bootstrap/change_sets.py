"""Deploys one stack with a CloudFormation change set."""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from bootstrap.changes import Change, losses, read_change
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
# What a stack is in that was never complete.
INCOMPLETE = {"ROLLBACK_COMPLETE", "CREATE_FAILED", "REVIEW_IN_PROGRESS"}


@dataclass(frozen=True)
class Proposal:
    """A change set. It cannot be executed without changes."""

    change_set: str
    stack_id: str
    changes: list[Change]


@dataclass(frozen=True)
class Plan:
    """What a deployment is to do. `change` is created, updated, recreated or unchanged.

    Without a proposal the stack is created, and before that deleted if there is a reason `why`. With one, `why` says
    what an update of the stack loses; it is empty if it loses nothing.
    """

    name: str
    template: str
    parameters: Mapping[str, str]
    change: str
    proposal: Proposal | None = None
    why: str = ""


def accept(_stack: str, _why: str) -> None:
    """A stack may lose what it holds."""


@dataclass(frozen=True)
class Stacks:
    """The stacks of one account or sandbox. `progress` is called with every line of news.

    `losing` is called, before a stack is changed, with the name of each that would lose what it holds, and the reason;
    it may raise an exception to prevent that. The stacks get `tags` beside those that they have, and CloudFormation
    acts in the `role`, an ARN; without one, in the role that it has acted in before, else as the caller.
    """

    cloudformation: Any
    sandbox: bool
    progress: Callable[[str], None]
    losing: Callable[[str, str], None] = accept
    tags: Mapping[str, str] = field(default_factory=dict)
    role: str = ""

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
        if found:
            refuse_busy(name, found["StackStatus"])
        if found and found["StackStatus"] in DEAD:
            # Without outputs it never was complete, and had no batches.
            change = "recreated" if found.get("Outputs") else "created"
            why = f"an earlier deployment has failed ({found['StackStatus']})"
            return Plan(name, template, parameters, change, why=why)
        if not found or found["StackStatus"] == "REVIEW_IN_PROGRESS":
            return Plan(name, template, parameters, "created")
        proposal = self._propose(name, "UPDATE", template, parameters, found)
        if not proposal.changes:
            return Plan(name, template, parameters, "unchanged", proposal)
        changed = [change for change in proposal.changes if self.sandbox and change.action == "Modify"]
        changed = [change for change in changed if change.type not in REPLACED]
        if stuck := [change for change in changed if change.replacement or change.type not in CHANGED_IN_PLACE]:
            names = ", ".join(sorted(f"{change.resource} ({change.type})" for change in stuck))
            self.cloudformation.delete_change_set(StackName=name, ChangeSetName=proposal.change_set)
            return Plan(name, template, parameters, "recreated", why=f"the engine cannot change {names} in place")
        return Plan(name, template, parameters, "updated", proposal, "" if self.sandbox else losses(proposal.changes))

    def confirm(self, plans: Iterable[Plan]) -> None:
        """Call `losing` for each plan by which a stack loses what it holds. If that raises, nothing is carried out."""
        plans = list(plans)
        try:
            for plan in plans:
                if plan.change == "recreated" and not self.sandbox:
                    self.losing(plan.name, f"it is deleted with what it holds and created again, because {plan.why}")
                elif plan.change == "recreated" or (plan.proposal and plan.why):
                    self.losing(plan.name, plan.why)
        except BaseException:
            for plan in plans:
                if plan.proposal and plan.proposal.changes:
                    self.cloudformation.delete_change_set(StackName=plan.name, ChangeSetName=plan.proposal.change_set)
            raise

    def carry_out(self, plan: Plan) -> list[Change]:
        """Do what the plan says, and return the changes of the resources. Raises DeployFailed."""
        if plan.proposal:
            return self._execute(plan.name, plan.proposal) if plan.proposal.changes else []
        before = self.describe(plan.name)
        if plan.why:
            self.progress(f"{plan.name}: it is deleted and created again, without its batches: {plan.why}")
            self.delete(plan.name)
        return self._execute(plan.name, self._propose(plan.name, "CREATE", plan.template, plan.parameters, before))

    def deploy(self, name: str, template: str) -> None:
        """Create or update a stack without parameters, and tell it: before, if it must be created again."""
        plan = self.plan(name, template, {})
        if not self.sandbox:
            self.confirm([plan])
        elif plan.change == "recreated":
            self.progress(f"{name}: is deleted with what it holds and created again, because {plan.why}")
        self.carry_out(plan)
        self.progress(f"{name}: {plan.change}")

    def delete(self, name: str) -> None:
        """Delete the stack, if there is one, and wait for its end. Raises DeployFailed."""
        found = self.describe(name)
        if not found:
            return
        before = {event["EventId"] for event in events(self.cloudformation, found["StackId"])}
        self.cloudformation.delete_stack(StackName=name, **self._acting())
        if self._wait_until_stable(name, {"DELETE_COMPLETE"}) == "DELETE_FAILED":
            raise failed(self.cloudformation, name, found["StackId"], before)

    def _acting(self) -> dict[str, str]:
        """The role in which CloudFormation is to act, as its calls take it."""
        return {"RoleARN": self.role} if self.role else {}

    def _propose(
        self, name: str, kind: str, template: str, parameters: Mapping[str, str], before: Description | None = None
    ) -> Proposal:
        """Create a change set and wait for it. One without changes is deleted. Raises DeployFailed.

        `before` describes the stack as it is.
        """
        token, tags = f"rollcall-{uuid.uuid4().hex}", {**tags_of(before or {}), **self.tags}
        try:
            made = self.cloudformation.create_change_set(
                StackName=name,
                ChangeSetName=token,
                ChangeSetType=kind,
                TemplateBody=template,
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
                Capabilities=["CAPABILITY_IAM"],
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
                **self._acting(),
            )
        except ClientError as error:
            raise refused(name, error.response["Error"]["Message"]) from error
        pages = self.cloudformation.get_paginator("describe_change_set")
        while (found := pages.paginate(StackName=name, ChangeSetName=made["Id"]).build_full_result())[
            "Status"
        ] in PREPARING:
            time.sleep(self.interval)
        changes = [read_change(change["ResourceChange"]) for change in found["Changes"]]
        if found["Status"] == "FAILED":
            self.cloudformation.delete_change_set(StackName=name, ChangeSetName=made["Id"])
            reason = found.get("StatusReason", "no reason given")
            if not any(words in reason for words in NO_CHANGES):
                raise refused(name, reason)
            changes = []
        return Proposal(made["Id"], made["StackId"], changes)

    def _execute(self, name: str, proposal: Proposal) -> list[Change]:
        """Execute the change set and wait for its end. Raises DeployFailed."""
        before = {event["EventId"] for event in events(self.cloudformation, proposal.stack_id)}
        self.cloudformation.execute_change_set(StackName=name, ChangeSetName=proposal.change_set)
        status = self._wait_until_stable(proposal.stack_id, DONE)
        if status not in DONE:
            raise failed(self.cloudformation, name, proposal.stack_id, before, advice_for(name, status))
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


def tags_of(described: Description) -> dict[str, str]:
    """A stack's own tags, without those that AWS sets."""
    return {tag["Key"]: tag["Value"] for tag in described.get("Tags", []) if not tag["Key"].startswith("aws:")}


def advice_for(name: str, status: str) -> str:
    """What to do about a stack in this status; empty if it can be deployed again."""
    if status != "UPDATE_ROLLBACK_FAILED":
        return ""
    return (
        f"CloudFormation could not put back what was before ({status}). Remove the cause, which the stack's events "
        f"tell, then run `aws cloudformation continue-update-rollback --stack-name {name}`, and deploy again once it "
        "has ended"
    )


def refuse_busy(name: str, status: str) -> None:
    """Raise DeployFailed for a stack that CloudFormation does not change now."""
    if advice := advice_for(name, status):
        raise refused(name, advice)
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        raise refused(name, f"CloudFormation is changing it ({status}): wait until that has ended, then deploy again")
