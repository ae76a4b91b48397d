"""The bytes and objects in tables and buckets now, as AWS measures them."""

import sys
from collections.abc import Iterator
from typing import Any

from sandbox.meter.item_size import STORAGE_OVERHEAD_BYTES, item_bytes
from sandbox.meter.stacks import STACKS


def report() -> list[dict[str, Any]]:
    """One entry for each table and bucket. An item counts 100 bytes besides its size."""
    return [*_tables(), *_buckets()]


def _tables() -> Iterator[dict[str, Any]]:
    # Not imported: that would take a second while DynamoDB is not in use.
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
        # The store of every region has all buckets of the account.
        for store in list(regions.values())[:1]:
            for name, bucket in list(store.buckets.items()):
                objects = [found for found in bucket.objects.values() if hasattr(found, "size")]
                yield _entry("s3", "bucket", name, sum(found.size for found in objects), len(objects))


def _entry(service: str, kind: str, name: str, size: int, objects: int) -> dict[str, Any]:
    stack = STACKS.place(kind, name).stack
    return {"service": service, "resource": name, "stack": stack, "bytes": size, "objects": objects}
