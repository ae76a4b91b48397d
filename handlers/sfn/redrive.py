"""The items of a generation: the source's, or what failed or was left over of the generation before."""

from collections.abc import Iterator
from itertools import islice

from handlers import source
from handlers.core.batch import BatchRequest
from handlers.core.clock import Clock
from handlers.core.files.unreadable import broken_off
from handlers.sfn.map_runs import MapRuns, TokenExpired, settled_by
from handlers.sfn.store import BatchObjects


def items_of(
    objects: BatchObjects, request: BatchRequest, map_runs: MapRuns, clock: Clock, skip: int = 0
) -> Iterator[dict]:
    """The items that a generation runs, without the first `skip`; the same ones every time it is asked.

    Raises OutOfTime while it is not known yet which were left over, and what the source raises.
    """
    if objects.generation == 1:
        return source.items(request, objects.batch_id, skip=skip)
    before = objects.of_generation(objects.generation - 1)
    made = before.find_made()
    if not made or made.refused:
        # Its chunks were never made, so that nothing of it was processed.
        return items_of(before, request, map_runs, clock, skip)
    ending = before.find_ending()
    # A batcher that outlived its execution may have made chunks that the ending does not know of.
    whole = ending and ending[0]["detail"]["remaining"] == 0 and ending[0]["detail"]["chunks"] == made.chunks
    settled = None if whole else settled_chunks(before, map_runs, clock)
    return islice(broken_off(unsettled_items(before, settled), made.reason), skip, None)


def unsettled_items(objects: BatchObjects, settled: set[int] | None) -> Iterator[dict]:
    """The items of the chunks that nobody settled, then those that have failed. `settled` None: every chunk is."""
    if settled is not None:
        for chunk in objects.chunks():
            if chunk["seq"] not in settled:
                yield from chunk["items"]
    for failure in objects.failed_items():
        yield failure["item"]


def settled_chunks(objects: BatchObjects, map_runs: MapRuns, clock: Clock) -> set[int]:
    """The chunks of an ended generation whose children succeeded, or whose failures are recorded. Raises OutOfTime.

    Only a child itself tells which chunk it had, so those that succeeded are described, a page at a time. A page's
    token that is too old has the list begin anew; what was found before stays found.
    """
    settled = {seq for seq, _ in objects.failures()}
    owner = objects.find_owner()
    map_run_arn = map_runs.of(owner) if owner else None
    if not map_run_arn:
        return settled
    page, token = 0, None
    while True:
        found = objects.find_settled(page)
        if not found:
            try:
                children, token = map_runs.children(map_run_arn, "SUCCEEDED", token, clock)
            except TokenExpired:
                token = None
                continue
            found = {"seqs": list(settled_by(children)), "next": token}
            objects.put_settled(page, found)
        settled.update(found["seqs"])
        page, token = page + 1, found["next"]
        if not token:
            return settled
