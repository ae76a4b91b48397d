"""`rollcall run`: one batch from its start to its Batch Finished event."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from rollcall.architectures import batches_of
from rollcall.batches import Result
from rollcall.completion import subscribed
from rollcall.connection import Connection, connect
from rollcall.errors import Interrupted
from rollcall.follow import until_event
from rollcall.progress import display
from rollcall.request import checked_request, upload_input
from rollcall.summary import print_summary
from rollcall.target import SandboxTarget, Target
from rollcall.terminal import print_json, stdout, steps


def run(
    target: Target, architecture: str, fields: Mapping[str, Any], input_file: Path | None, wait: bool, as_json: bool
) -> None:
    """Run a batch; exits with 1 if it does not end SUCCEEDED."""
    request = checked_request(architecture, fields, input_file)
    connection = connect(target)
    if input_file:
        bucket = connection.stack(architecture).outputs["InputBucketName"]
        with steps(f"uploading {input_file} to s3://{bucket}"):
            request["input"] = upload_input(connection.client("s3"), bucket, request["batchId"], input_file)
    if not wait:
        start_only(connection, target, architecture, request, as_json)
        return
    result = run_to_end(connection, architecture, request)
    report(result, target, as_json)


def run_to_end(connection: Connection, architecture: str, request: Mapping[str, Any]) -> Result:
    """Start the batch and show its progress until its event arrives. Raises Interrupted on Ctrl-C."""
    batches = batches_of(connection, architecture)
    batch_id = request["batchId"]
    event_bus = connection.stack(architecture).outputs["EventBusName"]
    with display(architecture) as shown, subscribed(connection, event_bus, batch_id) as subscription:
        shown.show(None)
        batches.start(request)
        try:
            return until_event(batches, batch_id, subscription, shown)
        except KeyboardInterrupt:
            raise goes_on(batch_id) from None


def start_only(
    connection: Connection, target: Target, architecture: str, request: Mapping[str, Any], as_json: bool
) -> None:
    """Start the batch and say how to watch it."""
    batches_of(connection, architecture).start(request)
    if as_json:
        print_json(Result(request["batchId"], architecture, "OPEN").to_json())
        return
    stdout.print(f"batch [bold]{request['batchId']}[/] is started", soft_wrap=True)
    stdout.print(f"[dim]{target.command('watch ' + request['batchId'])}[/]", soft_wrap=True)


def report(result: Result, target: SandboxTarget, as_json: bool) -> None:
    """Print how the batch ended; exits with 1 unless it SUCCEEDED."""
    if as_json:
        print_json(result.to_json())
    else:
        print_summary(result)
        if result.failed:
            stdout.print(f"[dim]what failed: {target.command('status ' + result.batch_id)}[/]", soft_wrap=True)
    if result.status != "SUCCEEDED":
        raise typer.Exit(1)


def goes_on(batch_id: str) -> Interrupted:
    """What Ctrl-C leaves behind."""
    return Interrupted(f"batch {batch_id} goes on without this window", f"see its end with `rollcall watch {batch_id}`")
