"""A mistake in the code, for good: whatever it keeps from getting on, its batch ends in one event that says so."""

from contextlib import ExitStack
from dataclasses import replace
from unittest import mock

import pytest

from handlers.core.clock import Clock
from handlers.core.user_modules import WorkCannotStart
from handlers.sqs.batcher import ROUNDS, Batcher
from handlers.sqs.finalizer import Finalizer
from handlers.sqs.finished import FinishedChunks
from handlers.sqs.processor import Processor
from handlers.sqs.start import Starter
from tests.model import queues
from tests.model.broken import mistaken, one_window_each
from tests.model.lambdas import WorkOfTheModel, surroundings
from tests.model.run import Run
from tests.model.world import Scale

SCALE = Scale(deadline=7200)


def ending(run: Run) -> dict:
    """The one batch's Batch Finished, once nothing moves any more; all guarantees have been checked then."""
    run.settle()
    (record,) = (record for key, record in run.world.records.items() if key[1] == "0001")
    assert record["notified"]
    return record


def ended_with(scale: Scale, *mistakes: tuple[object, str]) -> dict:
    return ended_run(scale, *mistakes)[0]


def ended_run(scale: Scale, *mistakes: tuple[object, str]) -> tuple[dict, Run]:
    with ExitStack() as stack:
        stack.enter_context(surroundings(scale))
        for patch in (patch for mistake in mistakes for patch in mistaken(*mistake)):
            stack.enter_context(patch)
        run = Run(scale)
        run.request("one")
        return ending(run), run


@pytest.mark.parametrize(
    ("owner", "name", "place"),
    [
        (Starter, "start", "request"),
        (Starter, "_announce_check", "request"),
        (Starter, "_start", "request"),
        (Batcher, "_make_segment", "segment 0"),
        (Batcher, "_make_windows", "segment 0"),
        (Batcher, "_send", "segment 0"),
        (Processor, "handle", "chunk 0"),
        (FinishedChunks, "add_failed", "chunk 0"),
        (FinishedChunks, "close", "end of an invocation"),
        (Finalizer, "_is_drained", "finalizer"),
        (Finalizer, "_count_failed", "finalizer"),
    ],
)
def test_a_mistake_in_the_code_ends_its_batch_failed_with_the_reason_long_before_its_deadline(owner, name, place):
    scale = Scale(deadline=100_000, fail_rate=1.0 if name == "add_failed" else 0.0)
    record = ended_with(scale, (owner, name))
    assert record["status"]["S"] == "FAILED"
    tries = 3 if place == "request" else 5
    assert record["reason"]["S"].startswith(f"a mistake in the code, met {tries} times by its ")
    assert place in record["reason"]["S"]
    assert f"Mistake: {name}" in record["reason"]["S"]
    assert int(record["finishedAt"]["N"]) - int(record["startedAt"]["N"]) < 3_600_000


def test_where_the_early_end_has_a_mistake_too_the_batch_ends_all_the_same_and_says_what_is_not_known():
    record = ended_with(Scale(deadline=100_000), (Batcher, "_make_windows"), (Finalizer, "_end_early"))
    assert (record["status"]["S"], record["remaining"]["N"]) == ("FAILED", "4")
    assert record["reason"]["S"].endswith("its counts are not known, and what its processors hold may still go on")


def test_a_mistake_in_the_processors_work_is_an_attempt_and_then_its_items_error():
    record, run = ended_run(SCALE, (WorkOfTheModel, "run"))
    assert (record["status"]["S"], record["failed"]["N"], record["remaining"]["N"]) == ("FAILED", "4", "0")
    errors = [record["error"]["S"] for key, record in run.world.records.items() if key[0].startswith("failed#")]
    assert errors == ["Mistake: run"] * 4


def test_a_mistake_in_the_stall_watch_ends_no_batch():
    with ExitStack() as stack:
        stack.enter_context(surroundings(SCALE))
        for patch in mistaken(Finalizer, "_watch_progress"):
            stack.enter_context(patch)
        run = Run(SCALE)
        run.request("one")
        # The batcher, and then many looks of the finalizer while no processor works.
        for queue in [queues.BATCHER, *[queues.FINALIZER] * 12]:
            run.go_on(run.deliver(run.world.visible(queue)), 100)
            run.wait(61_000)
        assert ending(run)["status"]["S"] == "SUCCEEDED"


def test_a_few_mistakes_end_nothing():
    with surroundings(SCALE):
        run = Run(SCALE)
        run.request("one")
        for _ in range(2):
            (event,) = run.world.visible(queues.BATCHER)
            number = run.deliver([event])
            run.step(number, "mistake")
            run.go_on(number, 100)
            run.wait(400_000)
        assert ending(run)["status"]["S"] == "SUCCEEDED"


def test_a_request_that_lambda_gives_up_before_anything_is_told_ends_its_batch_failed_with_the_cause():
    with surroundings(SCALE):
        run = Run(SCALE)
        run.request("one")
        for _ in range(queues.TRIES):
            (event,) = run.world.visible(queues.BATCHER)
            run.kill(run.deliver([event]), "never")
            run.wait(400_000)
        record = ending(run)
    assert (record["status"]["S"], record["reason"]["S"]) == ("FAILED", "its request was given up: the model's")


def test_a_segment_that_a_service_refused_is_made_at_the_next_check_after_its_lease():
    with surroundings(SCALE):
        run = Run(SCALE)
        run.request("one")
        number = run.deliver(run.world.visible(queues.BATCHER))
        while run.live[number].call.operation != "BatchWriteItem":
            run.step(number)
        run.step(number, "refused")
        record = ending(run)
    assert record["status"]["S"] == "SUCCEEDED"
    assert int(record["finishedAt"]["N"]) - int(record["startedAt"]["N"]) < 3 * SCALE.check_interval * 1000


def test_a_lane_whose_batchers_run_out_of_time_is_made_to_its_end_and_lambda_stops_no_loop():
    """Each invocation has time for one window, and another goes on, in more rounds than a chain may have."""
    windows, scale = 40, replace(SCALE, items=40, items_per_chunk=1, chunks_per_window=1, chunks_per_segment=40)
    with surroundings(scale), mock.patch.object(Clock, "has", one_window_each):
        run = Run(scale)
        run.request("one")
        record = ending(run)
    assert record["status"]["S"] == "SUCCEEDED"
    assert int(record["chunks"]["N"]) == windows
    assert run.longest_chain == ROUNDS + 2


def test_a_batch_whose_work_can_start_nowhere_ends_failed_with_the_reason_as_soon_as_it_is_reported_twice():
    with mock.patch.object(WorkOfTheModel, "ready", side_effect=WorkCannotStart("work.py cannot be imported: no")):
        record = ended_with(SCALE)
    assert (record["status"]["S"], record["failed"]["N"], record["remaining"]["N"]) == ("FAILED", "0", "4")
    assert record["reason"]["S"] == "work.py cannot be imported: no"
    assert int(record["finishedAt"]["N"]) - int(record["startedAt"]["N"]) < 60_000


def test_work_that_cannot_start_again_in_the_middle_of_an_attempt_costs_a_batch_nothing():
    with surroundings(SCALE):
        run = Run(SCALE)
        run.request("one")
        run.work_meets("mistake")
        assert ending(run)["status"] == {"S": "SUCCEEDED"}


def test_a_skip_is_told_even_if_its_request_is_given_up_before_it_is():
    scale = replace(SCALE, overlap="skip")
    with surroundings(scale):
        run = Run(scale)
        run.request("20261123T060000Z", scheduled=True)
        run.go_on(run.deliver(run.world.visible(queues.BATCHER)), 100)
        run.request("20261123T120000Z", scheduled=True)
        (skipped,) = (event for event in run.world.visible(queues.BATCHER) if "T12" in event.body)
        number = run.deliver([skipped])
        while run.live[number].call.operation != "PutEvents":
            run.step(number)
        run.step(number, "refused")
        run.go_on(number, 100)
        run.give_up(run.world.messages[queues.BATCHER, skipped.message_id])
        run.settle()
        assert run.world.guarantees.skipped == {("scheduled-20261123T120000Z", 1)}
