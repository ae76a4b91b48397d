"""How long the items of a chunk take: `item_concurrency` threads take them in the order of their index."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from costs.plan.distribution import Values

SEED = 20_261_123
# So many items are drawn for a sample: enough that a mean is good to a fraction of a percent, few enough for tune.
DRAWS = 200_000
FEWEST, MOST = 16, 2_000


@dataclass(frozen=True, eq=False)
class ChunkTimes:
    """A sample of chunks: how long each takes from first to last item, when its last item begins, and its longest item.

    All in milliseconds.
    """

    wall: np.ndarray
    last_begin: np.ndarray
    longest: np.ndarray

    @property
    def mean(self) -> float:
        return float(self.wall.mean())


@lru_cache(maxsize=512)
def chunk_times(values: Values, items: int, slots: int) -> ChunkTimes:
    """Sampled times of chunks of so many items; the same for the same arguments.

    Its items are drawn anew for every chunk from the whole distribution. An item begins in the thread that is free
    first, as `handlers.core.run_items` has it, so a chunk's time is the makespan of list scheduling.
    """
    slots = min(slots, items)
    if values.kind == "constant":
        wall = np.array([-(-items // slots) * values.low])
        return ChunkTimes(wall, wall - values.low, np.array([values.low]))
    count = min(MOST, max(FEWEST, DRAWS // items))
    # Item by item, from one seed: where there are as many chunks, a larger one has a smaller one's items and more.
    drawn = values.sample(np.random.default_rng(SEED), count * items).reshape(items, count).T
    # No bill should depend on the luck of the draw.
    drawn = drawn * (values.mean / drawn.mean()) if drawn.any() else drawn
    return ChunkTimes(*makespans(drawn, slots), drawn.max(axis=1))


def makespans(drawn: np.ndarray, slots: int) -> tuple[np.ndarray, np.ndarray]:
    """Of every row the time until all its items are done, `slots` at a time, in order; and when the last one begins."""
    rows, items = drawn.shape
    if slots >= items:
        return drawn.max(axis=1), np.zeros(rows)
    free = drawn[:, :slots].copy()
    every = np.arange(rows)
    begin = np.zeros(rows)
    for index in range(slots, items):
        first = free.argmin(axis=1)
        begin = free[every, first]
        free[every, first] += drawn[:, index]
    return free.max(axis=1), begin
