"""What the Step Functions finalizer may say of a batch: nothing that what it found does not prove."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.core.batch import Ending, Status
from handlers.core.clock import Clock
from handlers.core.rejected import rejected
from handlers.sfn.finish import ChunksLeft, Counter, EarlyEnd, TooEarly, settled_at_least
from handlers.sfn.map_runs import LARGEST_PAGE, PROOF_SECONDS, CountsDoNotAddUp, MapRuns, OutOfTime, page_size
from handlers.sfn.store import BatcherOutput, Part
from tests.unit.sfn_world import S3, States, Time, chunk, made, objects

GRACE = timedelta(seconds=15)
LONG_AGO = time.time() - PROOF_SECONDS - 60
# Every function has ended, and the counts may change still.
A_MINUTE_AGO = time.time() - 60


def split(chunks: int, **lost: int) -> dict[str, list[dict]]:
    """So many children, of which some ended otherwise than well."""
    first, found = chunks, {}
    for status, count in lost.items():
        first -= count
        found[status] = [chunk(seq) for seq in range(first, first + count)]
    return {"SUCCEEDED": [chunk(seq) for seq in range(first)], **found}


def count(
    s3: S3, states: States, of: BatcherOutput, early: EarlyEnd | None = None, context: Time | None = None
) -> Ending:
    return Counter(objects(s3), MapRuns(states), GRACE, Clock(context or Time())).count(of, "run", early)


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
@pytest.mark.parametrize("shown", [0, 20])
def test_chunks_that_nobody_processed_are_announced_only_when_each_is_found(shown, status):
    s3, states = S3(), States(split(100, **{status: 30}), stopped_at=A_MINUTE_AGO)
    states.shown[status] = shown
    for _ in range(2):
        with pytest.raises(CountsDoNotAddUp, match=f"30 children ended {status}, and {shown} can be found"):
            count(s3, states, made(100))
    states.shown[status] = 30
    ending = count(s3, states, made(100))
    assert (ending.status, ending.succeeded, ending.failed, ending.remaining) == (Status.FAILED, 700, 300, 0)


def test_failures_are_counted_anew_when_more_children_turn_out_to_be_lost():
    s3, states = S3(), States(split(2_000, FAILED=1_500), stopped_at=A_MINUTE_AGO)
    # One for the whole time, one for each of 20 pages and 1,500 children, none for the failures.
    with pytest.raises(OutOfTime, match="failures are counted"):
        count(s3, states, made(2_000), context=Late(1 + 20 + 1_500))
    states.ended["FAILED"].append(states.ended["SUCCEEDED"].pop(0))
    states.shown["FAILED"] = 1_501
    with pytest.raises(CountsDoNotAddUp):
        count(s3, states, made(2_000))
    assert count(s3, states, made(2_000)).failed == 15_010


class Late(Time):
    """Time for so many questions about it."""

    def __init__(self, questions: int):
        super().__init__()
        self.questions = questions

    def get_remaining_time_in_millis(self) -> int:
        super().get_remaining_time_in_millis()
        return 60_000 if self.asked <= self.questions else 1_000


@pytest.mark.parametrize("shown", [0, 20])
def test_what_cannot_be_found_in_time_ends_the_batch_failed_and_counts_as_remaining(shown):
    s3, states = S3(), States(split(100, FAILED=30), stopped_at=LONG_AGO)
    states.shown["FAILED"] = shown
    ending = count(s3, states, made(100, tolerated=100))
    assert (ending.status, ending.succeeded, ending.failed) == (Status.FAILED, 700, shown * 10)
    assert ending.remaining == 300 - shown * 10
    assert ending.reason == (
        f"15 minutes after its Map Run's end {70 + shown} of 100 chunks are accounted for: the items of the others are "
        "counted as remaining"
    )


def test_a_map_run_that_accounts_for_fewer_chunks_than_were_made_ends_its_batch_failed_in_time():
    with pytest.raises(CountsDoNotAddUp, match="90 of 100 children"):
        count(S3(), States(split(90), stopped_at=A_MINUTE_AGO), made(100))
    ending = count(S3(), States(split(90), stopped_at=LONG_AGO), made(100))
    assert (ending.status, ending.succeeded, ending.remaining) == (Status.FAILED, 900, 100)


@pytest.mark.parametrize(
    ("lost", "early"),
    [
        ({"TIMED_OUT": 1}, None),
        ({"ABORTED": 1}, None),
        ({"FAILED": 1}, None),
        ({}, EarlyEnd(Status.CANCELLED, "stopped", round(LONG_AGO * 1000))),
        ({}, EarlyEnd(Status.FAILED, "its Map Run failed")),
    ],
)
def test_nothing_is_counted_while_a_function_of_a_child_that_did_not_succeed_may_run(lost, early):
    """From the Map Run's end on, however long ago its execution ended: EXPRESS children outlive it."""
    with pytest.raises(TooEarly) as told:
        count(S3(), States(split(10, **lost), stopped_at=time.time() - 15), made(10), early)
    # The clocks of two machines may differ by five seconds.
    assert told.value.seconds == pytest.approx(5, abs=2)
    count(S3(), States(split(10, **lost), stopped_at=time.time() - 21), made(10), early)


def test_a_batch_whose_children_all_succeeded_waits_for_nobody():
    assert count(S3(), States(split(10), stopped_at=time.time()), made(10)).succeeded == 100


def test_a_map_run_that_is_not_listed_yet_is_waited_for_if_chunks_were_made():
    counter = Counter(objects(S3()), MapRuns(States({})), GRACE, Clock(Time()))
    for at, ends in ((time.time() - 50, False), (time.time() - 70, True)):
        early = EarlyEnd(Status.CANCELLED, "stopped", round(at * 1000))
        if ends:
            assert counter.count(made(10), None, early).remaining == 100
        else:
            with pytest.raises(CountsDoNotAddUp, match="no Map Run is listed"):
                counter.count(made(10), None, early)


def test_a_map_run_that_never_ends_keeps_no_stopped_batch_from_its_event():
    states = States(split(90), status="RUNNING")
    now = EarlyEnd(Status.CANCELLED, "stopped", round(time.time() * 1000))
    with pytest.raises(CountsDoNotAddUp, match="has not ended"):
        count(S3(), states, made(100), now)
    ending = count(S3(), states, made(100), EarlyEnd(Status.CANCELLED, "stopped", round(LONG_AGO * 1000)))
    assert (ending.status, ending.succeeded, ending.remaining, ending.reason) == ("CANCELLED", 900, 100, "stopped")


BROKEN = "line 7: a quote is open; what follows was not read"


@pytest.mark.parametrize(
    ("found", "early", "status", "reason"),
    [
        (100, None, Status.FAILED, BROKEN),
        # Only its finalizer was missing.
        (100, EarlyEnd(Status.CANCELLED, "stopped"), Status.FAILED, BROKEN),
        (90, EarlyEnd(Status.CANCELLED, "stopped"), Status.CANCELLED, f"stopped; {BROKEN}"),
        (90, None, Status.FAILED, f"counted as remaining; {BROKEN}"),
    ],
)
def test_a_batch_whose_input_broke_off_says_so_however_else_it_ends(found, early, status, reason):
    of = replace(made(100, tolerated=100), reason=BROKEN)
    ending = count(S3(), States(split(found), stopped_at=LONG_AGO), of, early)
    assert (ending.status, ending.succeeded, ending.remaining) == (status, found * 10, 1_000 - found * 10)
    assert ending.reason.endswith(reason)


def test_what_is_no_item_fails_for_that_when_its_child_dies():
    s3, states = S3(), States(split(1, FAILED=1), stopped_at=A_MINUTE_AGO)
    states.ended["FAILED"][0]["items"] = [rejected("line-3", "not JSON", b"no"), {"id": "a"}]
    count(s3, states, BatcherOutput("b", 1, 0, 2, 1, 2, 2, 0))
    errors = [failed["error"] for failed in objects(s3).failed_items()]
    assert errors == ["InvalidItem: not JSON", "its execution ended FAILED: States.Timeout "]


def test_what_a_recorder_wrote_of_a_lost_chunk_stands_and_is_counted_once():
    s3, states = S3(), States(split(10, FAILED=2), stopped_at=A_MINUTE_AGO)
    objects(s3).put_failed(8, [{"item": {"id": "8-0"}, "error": "its own", "attempts": 3}])
    ending = count(s3, states, made(10))
    assert (ending.succeeded, ending.failed) == (89, 11)
    # A function that outlived its execution records the chunk once more.
    objects(s3).put_failed(8, [{"item": {"id": "8-0"}, "error": "late", "attempts": 3}] * 2)
    assert list(objects(s3).failures()) == [(8, 2), (9, 10)]


def test_a_page_token_that_is_too_old_has_the_list_begin_anew():
    s3, states = S3(), States(split(400, FAILED=200), stopped_at=A_MINUTE_AGO)
    with pytest.raises(OutOfTime):
        count(s3, states, made(400), context=Time(left=10))
    counter = Counter(objects(s3), MapRuns(states), GRACE, Clock(Time()))
    page, token = counter.map_runs.children("run", "FAILED", None, counter.clock)
    counter._keep({"FAILED": (token, len(page), False)})
    states.expired = True
    with pytest.raises(OutOfTime):
        # The first page again, and no second: its token is as old.
        count(s3, states, made(400), context=OnePage())
    states.expired = False
    assert count(s3, states, made(400)).failed == 2_000


class OnePage(Time):
    """Time for one page of children."""

    def get_remaining_time_in_millis(self) -> int:
        super().get_remaining_time_in_millis()
        return 60_000 if self.asked < 100 else 1_000


@pytest.mark.parametrize("seconds", [3, 5, 10, 20, 30, 60, 90, 120, 900])
def test_a_page_takes_half_of_the_time_that_it_needs_to_begin_at_the_slowest_regions_quota(seconds):
    clock = Clock(Time(seconds))
    takes = page_size(clock) / 10
    assert takes <= min(20, seconds / 4) / 2 or page_size(clock) == 1
    assert page_size(clock) <= LARGEST_PAGE


def test_a_page_that_takes_too_long_is_broken_off_and_begun_again_by_the_next_invocation():
    s3, states = S3(), States(split(100, FAILED=100), stopped_at=A_MINUTE_AGO)

    class Slow(Time):
        def get_remaining_time_in_millis(self) -> int:
            return max(0, 60_000 - 2_500 * states.described)

    with pytest.raises(OutOfTime):
        count(s3, states, made(100), context=Slow())
    assert states.described < 40
    states.described = 0
    assert count(s3, states, made(100)).failed == 1_000
    assert len(states.sizes) == 1


def test_millions_of_failures_are_counted_in_as_many_invocations_as_it_takes_and_in_little_memory():
    s3 = S3()
    for seq in range(12_500):
        s3.objects[f"failed/b/1/{seq:09d}-400.json"] = b""
    states, rounds = States({"SUCCEEDED": [chunk(0)] * 12_500}, stopped_at=A_MINUTE_AGO), 0
    while True:
        rounds += 1
        try:
            ending = count(s3, states, made(12_500, each=400), context=Time(left=3 if rounds < 5 else 60))
            break
        except OutOfTime:
            continue
    assert (ending.status, ending.failed, rounds) == (Status.FAILED, 5_000_000, 5)
    # A list of a thousand keys each, and one more for each that is begun again within a page.
    assert s3.lists <= 13 + 2 * rounds


@pytest.mark.parametrize(
    ("chunks", "settled"), [(0, 0), (1, 5), (2, 15), (3, 25)]
)  # whichever chunks they were, no item that remains counts as done
def test_an_item_that_remains_is_never_counted_as_done(chunks, settled):
    made = BatcherOutput("b", 1, 0, items=25, chunks=3, smallest_chunk=10, last_chunk=5, tolerated_failure_percentage=0)
    assert settled_at_least(made, chunks) == settled


def test_of_a_batch_that_was_never_made_nothing_is_done():
    made = BatcherOutput("b", 1, 0, items=25, chunks=0, smallest_chunk=0, last_chunk=0, tolerated_failure_percentage=0)
    assert settled_at_least(made, 0) == 0


def several(children: int, each: int, left: int | None = None) -> list[list[dict]]:
    """Children of so many chunks, of which one may be `left`."""
    chunks = [chunk(seq) | ({"outcome": "LEFT"} if seq == left else {}) for seq in range(children * each)]
    return [chunks[at : at + each] for at in range(0, len(chunks), each)]


def of_children(children: int, each: int) -> BatcherOutput:
    return replace(made(children * each), children=children, per_child=each)


def leave(s3: S3, seq: int, what: str = "1-0", run: int = 1) -> None:
    state = {"batch": {}, "chunk": chunk(seq), "attempt": 2, "failures": ["its own"] * 10}
    objects(s3).objects.put(f"left/b/1/{run}/{seq}-{what}", state)


def test_chunks_that_children_have_left_are_handed_out_before_anything_is_announced():
    s3, states = S3(), States({"SUCCEEDED": several(4, 5, left=3)}, stopped_at=A_MINUTE_AGO)
    leave(s3, 3)
    with pytest.raises(ChunksLeft, match="1 of 20 chunks"):
        count(s3, states, of_children(4, 5))
    # The second Map Run has that chunk alone.
    objects(s3).put_part(Part(2, 1, 1, 1))
    for ended in ({}, {"SUCCEEDED": []}):
        states.ended = ended
        with pytest.raises(CountsDoNotAddUp, match="0 of 1 children"):
            count(s3, states, of_children(4, 5))
    states.ended = {"SUCCEEDED": several(1, 1)}
    ending = count(s3, states, of_children(4, 5))
    assert (ending.status, ending.succeeded, ending.remaining, ending.chunks) == (Status.SUCCEEDED, 200, 0, 20)


def test_nothing_is_handed_out_while_a_child_is_not_accounted_for():
    s3, states = S3(), States({"SUCCEEDED": several(3, 5)}, stopped_at=A_MINUTE_AGO)
    leave(s3, 3)
    with pytest.raises(CountsDoNotAddUp, match="3 of 4 children"):
        count(s3, states, of_children(4, 5))
    states.stopped_at = LONG_AGO
    ending = count(s3, states, of_children(4, 5))
    assert (ending.status, ending.succeeded, ending.remaining) == (Status.FAILED, 140, 60)


def test_a_child_that_dies_fails_its_chunks_but_those_that_it_has_left_and_those_whose_failures_are_recorded():
    children = several(4, 5)
    s3, states = S3(), States({"SUCCEEDED": children[:3], "TIMED_OUT": children[3:]}, stopped_at=A_MINUTE_AGO)
    objects(s3).put_failed(15, [{"item": {"id": "15-0"}, "error": "its own", "attempts": 3}])
    leave(s3, 16)
    with pytest.raises(ChunksLeft):
        count(s3, states, of_children(4, 5))
    assert list(objects(s3).failures()) == [(15, 1), (17, 10), (18, 10), (19, 10)]
    objects(s3).put_part(Part(2, 1, 1, 1))
    states.ended = {"SUCCEEDED": several(1, 1)}
    ending = count(s3, states, of_children(4, 5))
    assert (ending.succeeded, ending.failed, ending.remaining) == (169, 31, 0)


def test_failures_that_a_child_could_not_record_are_recorded_with_their_own_errors():
    s3, states = S3(), States({"SUCCEEDED": several(4, 5)}, stopped_at=A_MINUTE_AGO)
    leave(s3, 7, "failed")
    ending = count(s3, states, of_children(4, 5))
    assert (ending.succeeded, ending.failed, ending.remaining) == (190, 10, 0)
    assert {failed["error"] for failed in objects(s3).failed_items()} == {"its own"}


def test_of_a_stopped_batch_as_many_chunks_are_done_as_ended_children_have_at_least_less_those_they_left():
    stopped = EarlyEnd(Status.CANCELLED, "stopped", round(LONG_AGO * 1000))
    s3, states = S3(), States({"SUCCEEDED": several(3, 5, left=3)}, stopped_at=LONG_AGO)
    leave(s3, 3)
    of = replace(made(18), children=4, per_child=5)
    # The last of four children has three chunks, and may be one of the three that ended.
    ending = count(s3, states, of, stopped)
    assert (ending.status, ending.succeeded, ending.remaining) == (Status.CANCELLED, 10 * (5 + 5 + 3 - 1), 60)
    # In the second Map Run, all but its own chunks are settled.
    objects(s3).put_part(Part(2, 4, 2, 2))
    states.ended = {"SUCCEEDED": several(1, 2)}
    ending = count(s3, states, of, stopped)
    assert (ending.succeeded, ending.remaining) == (160, 20)
