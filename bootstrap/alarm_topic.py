"""The topic of the parameter AlarmTopicArn: there, in the stacks' Region, and open to those that are to publish.

CloudFormation checks none of it. Alarms and troubled batches would be told to nobody.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from bootstrap.aws import Session
from bootstrap.parameters import BadParameter

PUBLISHERS = ("cloudwatch.amazonaws.com", "events.amazonaws.com")
NOT_SHOWN = {"AuthorizationError", "AccessDenied"}


def check_alarm_topic(session: Session, parameters: Mapping[str, str]) -> None:
    """Check the topic, if the stack's parameters name one. What another account does not show passes.

    Raises BadParameter for a topic that is missing, in another Region, or closed to alarms or rules.
    """
    arn = parameters.get("AlarmTopicArn")
    if not arn:
        return
    sns = session.client("sns")
    here, there = sns.meta.region_name, arn.split(":")[3]
    if there != here:
        raise BadParameter(
            f"AlarmTopicArn={arn}: it is in {there}, and the stacks are in {here}: alarms and rules "
            f"tell topics of their own Region only. Name one in {here}"
        )
    try:
        policy = sns.get_topic_attributes(TopicArn=arn)["Attributes"].get("Policy", "{}")
    except ClientError as error:
        if error.response["Error"]["Code"] in NOT_SHOWN:
            return
        raise BadParameter(f"AlarmTopicArn={arn}: {error.response['Error']['Message']}. Create it first") from error
    if closed := [service for service in PUBLISHERS if not may_publish(service, json.loads(policy))]:
        raise BadParameter(
            f"AlarmTopicArn={arn}: its policy does not let {' and '.join(closed)} publish. Allow them sns:Publish, or "
            "make a topic with examples/told-by-email.yaml (docs/operating.md)"
        )


def may_publish(service: str, policy: Mapping[str, Any]) -> bool:
    """Whether a topic's policy lets a service publish for the topic's account. Other conditions are not looked at.

    The policy that SNS gives a topic allows whatever acts for the account (`AWS:SourceOwner`): alarms do, rules do not.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    for statement in policy.get("Statement", ()):
        actions = {action.lower() for action in listed(statement.get("Action", ()))}
        if statement["Effect"] != "Allow" or not actions & {"sns:publish", "sns:*", "*"}:
            continue
        principal = statement.get("Principal", {})
        if principal == "*" or "*" in listed(principal.get("AWS", ())):
            if service == "cloudwatch.amazonaws.com" or not statement.get("Condition"):
                return True
        elif service in listed(principal.get("Service", ())):
            return True
    return False


def listed(value: str | Iterable[str]) -> list[str]:
    """A policy's field that may be one or many."""
    return [value] if isinstance(value, str) else list(value)
