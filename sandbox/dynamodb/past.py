"""Eventually consistent reads, as they answer if a fault lets them lag: what was written since then is undone for them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
"""

import copy
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, NamedTuple

from localstack.aws.api import RequestContext
from moto.dynamodb.models import dynamodb_backends

from sandbox.dynamodb.metering import items_written
from sandbox.dynamodb.places import Place, place_of
from sandbox.faults import lists
from sandbox.faults.active import FAULTS

MAX_WRITES = 100_000
"""How many writes are remembered: with a copy of its item each, some 100 MB."""


class _Write(NamedTuple):
    at: datetime
    place: Place
    before: Any


_writes: deque[_Write] = deque(maxlen=MAX_WRITES)
"""Those since a plan lets reads lag, in their order."""


@contextmanager
def shown(context: RequestContext, request: Any) -> Iterator[None]:
    """Show meanwhile the tables as the call sees them; for one call at a time."""
    active = FAULTS.active
    if not active or not active.numbers("stale-list"):
        _writes.clear()
        yield
    elif until := lists.shown_until():
        later = []
        for write in takewhile(lambda write: write.at > until, reversed(_writes)):
            later.append((write.place, write.place.item()))
            write.place.put(write.before)
        try:
            yield
        finally:
            for place, item in reversed(later):
                place.put(item)
    else:
        tables = dynamodb_backends[context.account_id][context.region].tables
        for write in items_written(context.operation.name, request):  # type: ignore[union-attr]
            if place := place_of(tables, write.table, write.key):
                _writes.append(_Write(datetime.now(UTC), place, copy.deepcopy(place.item())))
        yield
