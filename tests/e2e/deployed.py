"""Deploys stacks for tests, whose clock skips idle time: without the hourly sweep, at which it would never rest."""

from typing import Any

from bootstrap.deploy import StackOutputs
from bootstrap.deploy import deploy as deploy_stacks
from tests.clock import Clock


def deploy(session: Any, *arguments: Any, **options: Any) -> dict[str, StackOutputs]:
    """As bootstrap.deploy.deploy, and then disable the rules that sweep."""
    events = session.client("events")
    with Clock(events.meta.endpoint_url).real():
        outputs = deploy_stacks(session, *arguments, **options)
        for rule in events.list_rules()["Rules"]:
            if "-SweepRule-" in rule["Name"]:
                events.disable_rule(Name=rule["Name"])
    return outputs
