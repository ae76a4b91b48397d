"""G1 to G5 under whatever Hypothesis makes of deliveries, duplicates, deaths, faults, cancels and time."""

from collections.abc import Callable

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from handlers.core.batch import Status
from tests.model.machine import TOTALS, Protocol


def test_a_batch_always_ends_once_with_nothing_lost_whatever_happens_in_whatever_order(
    nightly: bool, report: Callable[[str], None]
):
    TOTALS.clear()
    run_state_machine_as_test(Protocol, settings=settings.get_profile("nightly" if nightly else "model"))
    report(f"{TOTALS.runs:,} runs, {TOTALS.steps:,} steps, {TOTALS.calls:,} calls; {dict(TOTALS.endings)}")
    report(f"what went wrong in these runs: {dict(TOTALS.faults)}")
    # It is no proof when nothing has happened.
    assert TOTALS.endings.keys() >= {Status.SUCCEEDED, Status.FAILED, Status.EXPIRED, Status.CANCELLED}
