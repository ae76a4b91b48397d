"""What a change set changes, and what the stack loses by that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# The types whose resources keep nothing: another one in their place does the same.
KEEPS_NOTHING = {
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}


@dataclass(frozen=True)
class Change:
    """The change of one resource in a change set. `action` is Add, Modify or Remove."""

    action: str
    resource: str
    type: str
    replacement: bool

    @property
    def loses(self) -> bool:
        """Whether what the resource keeps, such as messages, is gone after the change."""
        return self.type not in KEEPS_NOTHING and (self.replacement or self.action == "Remove")

    def __str__(self) -> str:
        return f"{self.resource} ({self.type})"


def read_change(change: Mapping[str, Any]) -> Change:
    """Read a `ResourceChange` of DescribeChangeSet.

    CloudFormation calls a replacement conditional, too, if a property might change with an attribute of another
    resource, such as a queue's ARN. That resource's own change then says whether it is replaced, so this counts only
    what does not depend on that: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html
    """
    replacement = change.get("Replacement", "False")
    if replacement == "Conditional":
        details = [detail for detail in change.get("Details", []) if detail.get("Evaluation") == "Static"]
        certain = any(detail["Target"].get("RequiresRecreation", "Never") != "Never" for detail in details)
        replacement = str(certain or not change.get("Details"))
    return Change(change["Action"], change["LogicalResourceId"], change["ResourceType"], replacement == "True")


def losses(changes: Iterable[Change]) -> str:
    """What an update with these changes loses, as text; empty if nothing."""
    lost = [change for change in changes if change.loses]
    removed = ", ".join(sorted(str(change) for change in lost if change.action == "Remove"))
    replaced = ", ".join(sorted(str(change) for change in lost if change.action != "Remove"))
    done = [f"{verb} {names}" for verb, names in (("replaces", replaced), ("removes", removed)) if names]
    return f"CloudFormation {' and '.join(done)}, with what they hold" if done else ""
