"""The cost of a month of what watches a stack: its alarms and its dashboard, which are paid for while they exist."""

from collections.abc import Iterator

import yaml

from bootstrap.parameters import TemplateLoader
from bootstrap.stacks import template
from costs.idle import resources
from costs.usage import Usage

ALARM = "AWS::CloudWatch::Alarm"
DASHBOARD = "AWS::CloudWatch::Dashboard"


def watching(architecture: str, alarms: bool, dashboard: bool) -> Iterator[Usage]:
    """What a stack of `sqs` or `sfn` has with AlarmTopicArn set (`alarms`), and with Dashboard=ENABLED (`dashboard`).

    An alarm of these has one metric; AWS prices an alarm by its metrics. A rule that tells the topic of a batch in
    trouble is free. The custom metrics, which the dashboard switches on, are paid by the hour with data: not in here.
    """
    document = yaml.load(template(architecture), TemplateLoader)  # noqa: S506 - a SafeLoader, for the project's own file
    if alarms:
        yield Usage("cloudwatch.alarm_months", len(resources(document, ALARM)), what="alarms")
    if dashboard:
        yield Usage("cloudwatch.dashboard_months", len(resources(document, DASHBOARD)), what="the dashboard")
