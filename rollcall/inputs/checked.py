"""Checks files of this machine, and shows how far it has come."""

from collections.abc import Sequence

from bootstrap.problem import Problem
from costs.format import count
from costs.plan.settings import Settings
from handlers.core.reading import AS_IT_IS, Reading
from rollcall.batches.inputs import Inputs
from rollcall.inputs.check import Check, check
from rollcall.inputs.local_input import LocalInput
from rollcall.terminal.ticker import ticker


def checked(named: Sequence[str], settings: Settings, listed: int, reading: Reading = AS_IT_IS) -> Check:
    """Check the items of what is named, and list the first `listed` bad lines and repeated ids. Raises Problem."""
    inputs = Inputs(named, reading)
    paths = inputs.files()
    try:
        with ticker() as tell:
            return check(
                LocalInput(paths, reading, inputs.are_listed),
                settings,
                listed,
                lambda items, rest: tell(f"checking {inputs}: {count(items, 'item')}, {rest}"),
            )
    except OSError as error:
        raise Problem(f"{error.filename or inputs}: it cannot be read: {error.strerror}") from None
