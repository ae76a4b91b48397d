"""TTL: after a jump of the clock, the items that have expired are deleted. AWS deletes them within a few days."""

import time
from threading import RLock

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from sandbox.clock.clock import CLOCK

PERIOD_SECONDS = 3600


class Expiry:
    """Deletes expired items at most once in PERIOD_SECONDS of the clock, while it holds `lock`."""

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._looked_at = time.time()
        CLOCK.followers.append(self._follow)

    def _follow(self, _seconds: float) -> None:
        now = time.time()
        if now - self._looked_at < PERIOD_SECONDS:
            return
        self._looked_at = now
        with self._lock:
            for regions in list(dynamodb_backends.values()):
                for backend in list(regions.values()):
                    for table in list(backend.tables.values()):
                        _delete_expired(table, now)


def _delete_expired(table: Table, now: float) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html"""
    if table.ttl["TimeToLiveStatus"] != "ENABLED":
        return
    for item in list(table.all_items()):
        expires = item.attrs.get(table.ttl["AttributeName"])
        if expires is not None and expires.type == "N" and float(expires.value) < now:
            table.delete_item(item.hash_key, item.range_key)
