"""Batcher, the obvious way: ten messages at a time, and counts them when they are sent."""

import json
import os
from itertools import batched

from handlers.sqs.counter import add_pending, ask_finalizer, change, client

from handlers import source
from handlers.aws import settings
from handlers.core.batch import BatchRequest


def handler(event: dict, context) -> None:
    """Lambda entry: batch requests."""
    for record in event["Records"]:
        request = BatchRequest.parse(json.loads(record["body"]), settings.request_defaults())
        make(request, str(request.batch_id))


def make(request: BatchRequest, batch_id: str) -> None:
    items = list(source.items(request, batch_id))
    change(batch_id, "SET itemCount = :n", {":n": {"N": str(len(items))}})
    chunks = [
        json.dumps({"batchId": batch_id, "seq": seq, "maxAttempts": request.max_attempts, "items": group})
        for seq, group in enumerate(batched(items, request.items_per_chunk, strict=False))
    ]
    for group in batched(chunks, 10, strict=False):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(group)]
        client("sqs").send_message_batch(QueueUrl=os.environ["CHUNK_QUEUE_URL"], Entries=entries)
        add_pending(batch_id, len(group))
    if not chunks:
        ask_finalizer(batch_id)
