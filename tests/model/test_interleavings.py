"""G1 to G5 under whatever Hypothesis makes of deliveries, duplicates, crashes, faults, cancels and time."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Protocol


def test_a_batch_always_ends_once_with_nothing_lost_whatever_happens_in_whatever_order(nightly: bool):
    run_state_machine_as_test(Protocol, settings=settings.get_profile("nightly" if nightly else "model"))
