"""A checker that cannot fail proves nothing: every precaution that is taken out must show as a violation."""

from contextlib import ExitStack
from dataclasses import replace

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.broken import VARIANTS
from tests.model.cases import ONE_CHUNK, SOON, TWO_CHUNKS, Case, enumerated
from tests.model.enumeration import Budget
from tests.model.guarantees import Violation
from tests.model.lambdas import surroundings
from tests.model.machine import Protocol
from tests.model.run import Run
from tests.model.world import Scale

FAILING = replace(ONE_CHUNK, fail_rate=1.0, max_attempts=1)
# Chance finds these too, but not soon.
RARE = {
    "shards_read_before_the_batch_record": Case(TWO_CHUNKS),
    "records_of_the_last_window_put_again": Case(TWO_CHUNKS, Budget(deaths=1)),
    "records_deleted_before_failures_are_recorded": Case(FAILING, Budget(deaths=1)),
    "counted_before_no_more_is_made": Case(ONE_CHUNK, Budget(cancels=1)),
    "recorded_as_published_before_it_is": Case(ONE_CHUNK, Budget(deaths=1)),
    "a_repeat_made_up_anew": Case(ONE_CHUNK, Budget(deaths=1)),
    "failures_counted_before_they_are_recorded": Case(FAILING, Budget(deaths=1, cancels=1)),
    "failures_counted_without_those_recorded_before": Case(
        replace(FAILING, items=2, items_per_chunk=2), Budget(deaths=1)
    ),
    "an_early_end_that_trusts_a_count_nobody_came_to_write": Case(FAILING, Budget(deaths=1, cancels=1)),
    "an_early_end_that_trusts_a_dead_holder": Case(FAILING, Budget(deaths=1, cancels=1)),
    "a_counter_instead_of_records": Case(TWO_CHUNKS, Budget(deaths=1)),
    # The deadline passes just after the lease that is too short.
    "a_lease_that_ends_under_its_holder": Case(replace(ONE_CHUNK, deadline=SOON + 1), Budget(deadlines=1)),
}


# A mistake for good: whatever the order of things, the batch must end.
FOR_GOOD = {
    "a_request_given_up_that_nobody_hears_of": Scale(),
    "batchers_that_invoke_one_another_without_end": Scale(
        items=40, items_per_chunk=1, chunks_per_window=1, chunks_per_segment=40
    ),
    "a_finalizers_mistakes_that_end_nothing": Scale(),
    "a_processors_mistake_that_loses_its_chunk": Scale(),
}
# An item that is not tried again, and the next that is: then the batch is cancelled.
FAILED_FOR_GOOD = {"what_is_not_tried_again_forgotten"}
# An item fails, and a redrive that does not select it leaves it alone.
KEPT = {"a_redrive_that_runs_what_it_is_to_keep"}


def try_everything(name: str) -> None:
    """Raises Violation when the model catches the variant."""
    if name in FOR_GOOD:
        scale = FOR_GOOD[name]
        with surroundings(scale):
            run = Run(scale)
            run.request("one")
            run.settle()
    elif name in FAILED_FOR_GOOD:
        with surroundings(Scale(items=2)):
            run = Run(Scale(items=2))
            run.request("one")
            run.work_meets("stale")
            run.work_meets("refused")
            while run.live:
                run.go_round()
            run.cancel("one", 1, nudged=True)
            run.settle()
    elif name in KEPT:
        scale = Scale(items=1, max_attempts=1)
        with surroundings(scale):
            run = Run(scale)
            run.request("one")
            run.work_meets("refused")
            run.settle()
            run.redrive("one", 1, "no such error")
            run.settle()
    elif name in RARE:
        enumerated(RARE[name])
    else:
        found = settings(settings.get_profile("model"), max_examples=3_000, phases=[Phase.generate])
        run_state_machine_as_test(Protocol, settings=found)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_model_catches(name: str):
    with ExitStack() as stack:
        for patch in VARIANTS[name]():
            stack.enter_context(patch)
        with pytest.raises(Violation):
            try_everything(name)
