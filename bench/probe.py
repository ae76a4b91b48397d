"""The function whose invocations are measured: it has boto3 and a client, as all of Rollcall's, and nothing to do."""

import boto3

SQS = boto3.client("sqs")


def handler(event, context):
    """Returns what it gets."""
    return event
