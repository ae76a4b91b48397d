"""Results: the values that `process` returned, collected in S3 as JSON Lines if the stack has a bucket for them."""

import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from handlers.aws import Client, settings
from handlers.aws.bucket_owner import own_s3
from handlers.aws.telemetry import logger
from handlers.core.json_text import dumps


@dataclass
class ResultStore:
    """The results in `bucket`."""

    client: Client
    bucket: str

    def put(self, batch_id: str, generation: int, name: str, lines: Iterable[tuple[str, Any]]) -> None:
        """Write `results/<batchId>/<generation>/<name>.jsonl`, a line for each (item id, result), if there are any.

        Call it before the items are recorded as done: then every item has a line, and a repeated item has two.
        """
        body = "".join(dumps({"id": item_id, "result": result}) + "\n" for item_id, result in lines)
        if body:
            key = f"{folder(batch_id, generation)}{name}.jsonl"
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body.encode(), ContentType="application/jsonl")

    def put_manifest(self, batch_id: str, generation: int, has_time: Callable[[], bool]) -> None:
        """Write `manifest.json` beside the results: the key and size in bytes of each of their objects.

        It never delays Batch Finished: without `has_time()` it is not `complete`, and a failure is only logged.
        """
        try:
            self._put_manifest(batch_id, generation, has_time)
        except Exception:  # noqa: BLE001 - a mistake must not delay the event, either
            logger.exception("no manifest of the results", batch_id=batch_id, generation=generation)

    def _put_manifest(self, batch_id: str, generation: int, has_time: Callable[[], bool]) -> None:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=folder(batch_id, generation)
        )
        head = json.dumps({"batchId": batch_id, "generation": generation})
        complete, separator = True, "\n"
        # Through a file, because there may be as many objects as chunks.
        with tempfile.TemporaryFile() as manifest:
            manifest.write(f'{head[:-1]}, "objects": ['.encode())
            for page in pages:
                for found in page.get("Contents", []):
                    if found["Key"].endswith(".jsonl"):
                        entry = json.dumps({"key": found["Key"], "bytes": found["Size"]})
                        manifest.write(f"{separator}{entry}".encode())
                        separator = ",\n"
                if not has_time():
                    complete = not page["IsTruncated"]
                    break
            manifest.write(f'\n], "complete": {json.dumps(complete)}}}\n'.encode())
            manifest.seek(0)
            # In one call: many parts would need the right to decrypt, if the bucket is encrypted by a key.
            key = f"{folder(batch_id, generation)}manifest.json"
            self.client.put_object(Bucket=self.bucket, Key=key, Body=manifest)


def folder(batch_id: str, generation: int) -> str:
    return f"results/{batch_id}/{generation}/"


def store() -> ResultStore | None:
    """The store for this stack's results; None if the stack does not collect them."""
    bucket = settings.text("RESULTS_BUCKET")
    return ResultStore(own_s3(), bucket) if bucket else None
