"""Results: what `process` returned, collected to S3 as JSON Lines, if the stack has a bucket for it."""

import json
import tempfile
from collections.abc import Callable, Iterable
from typing import Any

from handlers.aws import settings
from handlers.aws.bucket_owner import own_s3
from handlers.aws.telemetry import logger
from handlers.core.json_text import dumps


class ResultStore:
    """The results in `bucket`. `client` is boto3's for S3."""

    def __init__(self, client, bucket: str):
        self.client = client
        self.bucket = bucket

    def put(self, batch_id: str, generation: int, name: str, lines: Iterable[tuple[str, Any]]) -> None:
        """Write `results/<batchId>/<generation>/<name>.jsonl`, a line for each (item id, result); none: no object.

        To be called before anything says that the items are done: an item that is processed again has two lines then,
        of which the later object's counts, and none has no line.
        """
        body = "".join(dumps({"id": item_id, "result": result}) + "\n" for item_id, result in lines)
        if body:
            key = f"{folder(batch_id, generation)}{name}.jsonl"
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body.encode(), ContentType="application/jsonl")

    def put_manifest(self, batch_id: str, generation: int, has_time: Callable[[], bool]) -> None:
        """Write `manifest.json` beside the results, which names every object of them with its size in bytes.

        It keeps no batch from its event: what cannot be listed while `has_time()` is left out, `complete` then being
        false, and one that cannot be written at all is logged.
        """
        try:
            self._put_manifest(batch_id, generation, has_time)
        except Exception:  # noqa: BLE001 - a mistake keeps no batch from its event either
            logger.exception("no manifest of the results", batch_id=batch_id, generation=generation)

    def _put_manifest(self, batch_id: str, generation: int, has_time: Callable[[], bool]) -> None:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=folder(batch_id, generation)
        )
        head = json.dumps({"batchId": batch_id, "generation": generation})
        complete, separator = True, "\n"
        # By way of a file: there may be as many objects as chunks.
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
            self.client.upload_fileobj(manifest, self.bucket, f"{folder(batch_id, generation)}manifest.json")


def folder(batch_id: str, generation: int) -> str:
    return f"results/{batch_id}/{generation}/"


def store() -> ResultStore | None:
    """Where this stack's results go; None when they are not collected."""
    bucket = settings.text("RESULTS_BUCKET")
    return ResultStore(own_s3(), bucket) if bucket else None
