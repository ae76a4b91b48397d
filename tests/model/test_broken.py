"""A checker that cannot fail proves nothing: every precaution that is taken out must show as a violation."""

from contextlib import ExitStack
from dataclasses import replace

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.broken import VARIANTS
from tests.model.cases import ONE_CHUNK, TWO_CHUNKS, Case, enumerated
from tests.model.enumeration import Budget
from tests.model.guarantees import Violation
from tests.model.machine import Protocol

# Chance finds these too, but not soon.
RARE = {
    "shards_read_before_the_batch_record": Case(TWO_CHUNKS),
    "records_of_the_last_window_put_again": Case(TWO_CHUNKS, Budget(deaths=1)),
    "records_deleted_before_failures_are_recorded": Case(
        replace(ONE_CHUNK, fail_rate=1.0, max_attempts=1), Budget(deaths=1)
    ),
    "counted_before_no_more_is_made": Case(ONE_CHUNK, Budget(cancels=1)),
    "recorded_as_published_before_it_is": Case(ONE_CHUNK, Budget(deaths=1)),
    "a_repeat_made_up_anew": Case(ONE_CHUNK, Budget(deaths=1)),
}


def try_everything(name: str) -> None:
    """Raises Violation when the model catches the variant."""
    if name in RARE:
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
