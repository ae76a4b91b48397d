"""`rollcall trigger`: sends the event that the schedule's rule sends."""

import json
import uuid
from datetime import datetime
from typing import Any

import typer
from rich.markup import escape

from bootstrap.problem import Problem
from handlers.core.batch import batch_id_of
from rollcall.target.connection import Connection, connect
from rollcall.target.target import Target, targeted
from rollcall.terminal.console import print_command, print_json, stdout
from rollcall.terminal.options import Architecture, Json

app = typer.Typer()


@app.command(epilog="Example: [bold]rollcall trigger sqs[/]")
@targeted
def trigger(target: Target, architecture: Architecture, as_json: Json = False) -> None:
    """Send the event to the target of the architecture's schedule rule."""
    connection = connect(target)
    rule_name = connection.stack(architecture).outputs["ScheduleRuleName"]
    events = connection.client("events")
    rule_arn = events.describe_rule(Name=rule_name)["Arn"]
    targets = events.list_targets_by_rule(Rule=rule_name)["Targets"]
    if len(targets) != 1:
        raise Problem(f"rule {rule_name} must have one target, it has {len(targets)}", "redeploy with `rollcall up`")
    event = scheduled_event(rule_arn, connection.now(), str(uuid.uuid4()))
    body = targets[0].get("Input") or json.dumps(event)
    try:
        batch_id = batch_id_of(json.loads(body), fallback=event["id"])
    except ValueError as error:
        raise Problem(f"rule {rule_name} sends no batch request: {error}", "redeploy with `rollcall up`") from error
    deliver(connection, targets[0]["Arn"], body, batch_id)
    if as_json:
        print_json({"batchId": batch_id, "architecture": architecture, "rule": rule_arn, "event": json.loads(body)})
        return
    stdout.print(f"sent the event of {escape(rule_name)}: batch [bold]{batch_id}[/]", soft_wrap=True)
    print_command(target.command("watch " + batch_id))


def scheduled_event(rule_arn: str, now: datetime, event_id: str) -> dict[str, Any]:
    """EventBridge's event of a scheduled rule. Its time has whole seconds.

    https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html
    """
    _, _, _, region, account, _ = rule_arn.split(":", 5)
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": account,
        "time": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [rule_arn],
        "detail": {},
    }


def deliver(connection: Connection, target_arn: str, body: str, batch_id: str) -> None:
    """Invoke a function or start a state machine with `body`, as EventBridge does."""
    service = target_arn.split(":")[2]
    if service == "lambda":
        connection.client("lambda").invoke(FunctionName=target_arn, InvocationType="Event", Payload=body.encode())
    elif service == "states":
        # EventBridge would choose a random name. By the batch's id `rollcall watch` finds the execution at once.
        connection.client("stepfunctions").start_execution(stateMachineArn=target_arn, name=batch_id, input=body)
    else:
        raise Problem(f"the schedule's target {target_arn} is neither a function nor a state machine")
