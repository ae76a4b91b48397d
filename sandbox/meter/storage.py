"""What tables and buckets hold at this moment, as AWS measures it."""

import sys
from collections.abc import Iterator
from typing import Any

from sandbox.meter.item_size import STORAGE_OVERHEAD_BYTES, item_bytes
from sandbox.meter.stacks import STACKS


def report() -> list[dict[str, Any]]:
    """One entry for each table and bucket. Items of a table have 100 bytes each beside their size."""
    return [*_tables(), *_buckets()]


def _tables() -> Iterator[dict[str, Any]]:
    # Not imported: where nobody has used DynamoDB yet, that would take a second.
    models = sys.modules.get("moto.dynamodb.models")
    for regions in list(models.dynamodb_backends.values()) if models else ():
        for backend in list(regions.values()):
            for name, table in list(backend.tables.items()):
                items = list(table.all_items())
                size = sum(item_bytes(item.attrs) + STORAGE_OVERHEAD_BYTES for item in items)
                yield _entry("dynamodb", "table", name, size, len(items))


def _buckets() -> Iterator[dict[str, Any]]:
    models = sys.modules.get("localstack.services.s3.models")
    for regions in list(models.s3_stores.values()) if models else ():
        # Buckets are of an account, whatever region's store one asks.
        for store in list(regions.values())[:1]:
            for name, bucket in list(store.buckets.items()):
                objects = [each for each in bucket.objects.values() if hasattr(each, "size")]
                yield _entry("s3", "bucket", name, sum(each.size for each in objects), len(objects))


def _entry(service: str, kind: str, name: str, size: int, objects: int) -> dict[str, Any]:
    stack = STACKS.place(kind, name).stack
    return {"service": service, "resource": name, "stack": stack, "bytes": size, "objects": objects}
