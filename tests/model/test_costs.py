"""G6: what a chunk costs that succeeds the first time, counted call by call."""

from dataclasses import replace

from tests.model.lambdas import surroundings
from tests.model.run import Run
from tests.model.world import Scale

FEW, MANY = 10, 60
SCALE = Scale(items_per_chunk=1, chunks_per_segment=1000, chunks_per_window=250, chunks_per_invocation=2)


def units(chunks: int) -> dict[str, float]:
    """The capacity units of a batch of so many chunks in which nothing goes wrong."""
    scale = replace(SCALE, items=chunks)
    with surroundings(scale):
        run = Run(scale)
        run.request("one")
        run.settle()
        return run.world.units


def test_a_chunk_that_succeeds_the_first_time_costs_three_write_units_and_up_to_two_read_units():
    few, many = units(FEW), units(MANY)
    assert many["write"] - few["write"] == 3 * (MANY - FEW)
    assert many["read"] - few["read"] <= 2 * (MANY - FEW)


def test_the_rest_is_a_small_constant_per_batch():
    few = units(FEW)
    assert few["write"] - 3 * FEW <= 12
    assert few["read"] - 2 * FEW <= 20
