"""Drawings in SVG: bars, lines and maps. Their colours are classes, because a page may hold no style of its own."""

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from handlers.sqs.records import SEGMENT_STRIDE
from handlers.sqs.table import FOREVER
from rollcall.batches.sight import Map, Sight
from rollcall.console.history import Point, spaced

BAR_WIDTH = 1000
STATES = ("done", "failed", "working", "waiting", "unmade")
NAMES = {"done": "done", "failed": "failed", "working": "in work", "waiting": "waiting", "unmade": "not made yet"}
SPARK_WIDTH, SPARK_HEIGHT = 96, 24
# A map has a cell for each chunk up to so many chunks; of more, a cell stands for several.
MOST_CELLS = 10_000


def said(sight: Sight) -> str:
    """`640 done, 3 failed, 120 in work`: the counts of items that are not zero."""
    names = NAMES
    if sight.result:
        names = names | {"waiting": "remaining"}
    elif sight.in_steps:
        names = names | {"working": "in children that run"}
    numbers = ((name, getattr(sight.counts, name) or 0) for name in STATES)
    return ", ".join(f"{number:,} {names[name]}" for name, number in numbers if number) or "no item yet"


def bar(sight: Sight, size: str = "") -> Markup:
    """A bar of the counts. What is not done of a batch that has ended remains."""
    counts, ended = sight.counts, sight.result is not None
    total = counts.known or 1
    at, parts = 0.0, []
    for name in STATES:
        width = (getattr(counts, name) or 0) / total * BAR_WIDTH
        if width:
            shown = "remaining" if ended and name == "waiting" else name
            parts.append(f'<rect class="{shown}" x="{at:.1f}" y="0" width="{max(width, 2):.1f}" height="8"/>')
        at += width
    label = Markup.escape(said(sight))
    return Markup(  # noqa: S704 - of numbers and an escaped label
        f'<svg class="bar {size}" viewBox="0 0 {BAR_WIDTH} 8" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}">'
        f'<rect class="track" width="{BAR_WIDTH}" height="8"/>{"".join(parts)}</svg>'
    )


def speeds(points: Sequence[Point]) -> list[float]:
    """The items a second between points, as many as a sparkline has room for."""
    return [
        max(0.0, (after.finished - before.finished) * 1000 / (after.at - before.at))
        for before, after in pairwise(spaced(points, SPARK_WIDTH // 2))
    ]


def spark(points: Sequence[Point]) -> Markup:
    """A line of the rate over time."""
    values = speeds(points)
    if len(values) < 2:
        return Markup("")
    top = max(values) or 1
    steps = SPARK_WIDTH / (len(values) - 1)
    line = " ".join(
        f"{index * steps:.1f},{SPARK_HEIGHT - 2 - value / top * (SPARK_HEIGHT - 4):.1f}"
        for index, value in enumerate(values)
    )
    return Markup(  # noqa: S704 - of numbers
        f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" aria-hidden="true">'
        f'<polyline points="{line}"/></svg>'
    )


def states_of(chunks: Map, now: int) -> list[str]:
    """The state of each chunk that has been made, in the order of their numbers.

    Of a Map Run the order is that of the states: it does not say which chunk is in which.
    """
    if chunks.counted:
        return [name for name, number in chunks.counted for _ in range(min(number, 10**6))]
    states = ["done"] * chunks.chunks
    offsets, at = {}, 0
    for segment, number in chunks.made:
        offsets[segment] = at
        at += number
    for chunk in chunks.left:
        segment, own = divmod(chunk.seq, SEGMENT_STRIDE)
        place = offsets.get(segment, at) + own
        if place < len(states):
            held = now < chunk.lease_until < FOREVER
            states[place] = "working" if held else "again" if chunk.attempts else "waiting"
    return states


def cells_of(states: Sequence[str]) -> tuple[list[str], int]:
    """The cells of a map, and for how many chunks one stands. A cell of several shows what is least far in it."""
    each = -(-len(states) // MOST_CELLS) or 1
    if each == 1:
        return list(states), 1
    order = ("failed", "again", "working", "waiting", "done")
    cells = []
    for first in range(0, len(states), each):
        part = set(states[first : first + each])
        cells.append("mixed" if len(part) > 1 and "done" in part else next(name for name in order if name in part))
    return cells, each


def chunk_map(cells: Sequence[str]) -> Markup:
    """The map as SVG, a path for each state."""
    columns = max(10, min(200, round((len(cells) * 4) ** 0.5)))
    paths: dict[str, list[str]] = {}
    at = 0
    while at < len(cells):
        # A run of cells of one state within a row is one subpath for its fill; the gaps are drawn over it.
        end = at
        while end + 1 < len(cells) and cells[end + 1] == cells[at] and (end + 1) % columns:
            end += 1
        row, column = divmod(at, columns)
        paths.setdefault(cells[at], []).append(f"M{column} {row}h{end - at + 1}v1h-{end - at + 1}z")
        at = end + 1
    rows = -(-len(cells) // columns) or 1
    grid = "".join(f"M{column} 0v{rows}" for column in range(1, columns))
    grid += "".join(f"M0 {row}h{columns}" for row in range(1, rows))
    drawn = "".join(f'<path class="{name}" d="{"".join(parts)}"/>' for name, parts in paths.items())
    return Markup(  # noqa: S704 - of numbers and names of states
        f'<svg class="map" viewBox="0 0 {columns} {rows}" preserveAspectRatio="xMinYMin" aria-hidden="true">'
        f'{drawn}<path class="grid" d="{grid}"/></svg>'
    )
