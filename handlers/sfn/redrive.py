"""The items of a generation: the source's, or the failed and remaining items of the generation before."""

from collections.abc import Iterator
from itertools import islice

from handlers import sources
from handlers.core.batch import BatchRequest
from handlers.core.clock import Clock
from handlers.core.files.unreadable import then_unreadable
from handlers.core.json_text import Item, JsonObject
from handlers.core.selection import Selection
from handlers.sfn.map_runs import PROOF_SECONDS, CountsDoNotAddUp, MapRuns, TokenExpired, outcomes_of
from handlers.sfn.store import BatchObjects


def items_of(
    objects: BatchObjects, request: BatchRequest, map_runs: MapRuns, clock: Clock, skip: int = 0
) -> Iterator[Item]:
    """The items of a generation but the first `skip`, always the same.

    Raises OutOfTime and CountsDoNotAddUp while it is unknown which items the generation before left over, and the
    source's errors.
    """
    if objects.generation == 1:
        return sources.items(request, objects.batch_id, skip=skip)
    started = objects.find_started()
    selection = Selection(started.only_error if started else None)
    before = objects.of_generation(objects.generation - 1)
    made = before.find_made()
    if not made or made.refused:
        # The generation before made no chunks, so it left over all of its items.
        return map(selection.left, items_of(before, request, map_runs, clock, skip))
    ending = before.find_ending()
    # A batcher that outlived its execution may have made chunks that the ending does not count.
    whole = ending and ending[0]["detail"]["remaining"] == 0 and ending[0]["detail"]["chunks"] == made.chunks
    finished = None if whole else finished_chunks(before, map_runs, clock)
    return islice(then_unreadable(unfinished_items(before, finished, selection), made.reason), skip, None)


def unfinished_items(objects: BatchObjects, finished: set[int] | None, selection: Selection) -> Iterator[Item]:
    """The items of unfinished chunks, then the failed items. With `finished` None, every chunk is finished."""
    if finished is not None:
        for chunk in objects.chunks():
            if chunk["seq"] not in finished:
                yield from map(selection.left, chunk["items"])
    for failure in objects.failed_items():
        yield selection.failed(failure["item"], failure["error"])


def finished_chunks(objects: BatchObjects, map_runs: MapRuns, clock: Clock) -> set[int]:
    """The chunks of an ended generation which its children have finished, or whose failures are recorded.

    Only DescribeExecution tells which chunks a child had, so the children that succeeded are described, page by page.
    Raises OutOfTime; and CountsDoNotAddUp until as many are found as each Map Run counts, for at most 15 minutes after
    its end.
    """
    finished = {seq for seq, _ in objects.failures()}
    owner, made, ending = objects.find_owner(), objects.find_made(), objects.find_ending()
    found = map_runs.of(owner) if owner else []
    # The Map Run before the latest has ended, or there would be no latest one.
    wanted = objects.part(made).run - 1 if made else 0
    if len(found) < max(wanted, 1 if ending and ending[0]["detail"]["succeeded"] else 0):
        raise CountsDoNotAddUp(f"{owner} has a Map Run, which is not listed yet")
    for run, map_run_arn in enumerate(found, start=1):
        finished |= finished_in(objects, map_runs, run, map_run_arn, clock)
    return finished


def finished_in(objects: BatchObjects, map_runs: MapRuns, run: int, map_run_arn: str, clock: Clock) -> set[int]:
    """The chunks that the children of one Map Run have finished. Raises as `finished_chunks` does.

    If the token of a page has expired, the list begins again; what was found so far stays in the sets.
    """
    about = map_runs.describe(map_run_arn)
    succeeded, ended_at = about["itemCounts"]["succeeded"], about.get("stopDate")
    finished: set[int] = set()
    children: set[int] = set()
    page, token = 0, None
    while len(children) < succeeded:
        stored = objects.find_finished_chunks(run, page)
        try:
            found = stored or listed(map_runs, map_run_arn, token, clock)
        except TokenExpired:
            token = None
            continue
        if not stored:
            objects.put_finished_chunks(run, page, found)
        finished.update(found["seqs"])
        children.update(found["children"])
        page, token = page + 1, found["next"]
        if token is None and not stored and len(children) < succeeded:
            if ended_at and clock.now() > (ended_at.timestamp() + PROOF_SECONDS) * 1000:
                break
            raise CountsDoNotAddUp(f"{succeeded} children succeeded, and {len(children)} can be found")
    return finished


def listed(map_runs: MapRuns, map_run_arn: str, token: str | None, clock: Clock) -> JsonObject:
    """A page of children, as `BatchObjects.find_finished_chunks` describes it."""
    children, following = map_runs.children(map_run_arn, "SUCCEEDED", token, clock)
    outcomes = [outcomes_of(child) for child in children]
    seqs = [chunk["seq"] for child in outcomes for chunk in child if chunk["outcome"] != "LEFT"]
    return {"seqs": seqs, "children": [child[0]["seq"] for child in outcomes], "next": following}
