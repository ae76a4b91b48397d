"""G1 to G5 in every interleaving of small cases: enumerated, not sampled."""

from collections.abc import Callable

import pytest

from tests.model.cases import BY_DEFAULT, BY_NIGHT, enumerated


@pytest.mark.parametrize("name", [*BY_DEFAULT, *BY_NIGHT])
def test_every_interleaving_of(name: str, nightly: bool, report: Callable[[str], None]):
    if name in BY_NIGHT and not nightly:
        pytest.skip("with ROLLCALL_MODEL=nightly")
    explored = enumerated((BY_DEFAULT | BY_NIGHT)[name])
    report(f"{name}: {explored.states:,} states, {explored.transitions:,} steps, {dict(explored.endings)}")
    # It is no proof when nothing has happened.
    assert explored.states > 1_000
    assert explored.endings
