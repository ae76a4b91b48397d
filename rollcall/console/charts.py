"""The series of a batch's charts, as uPlot takes them, and a drawing of them for those who have no JavaScript."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from rollcall.console.history import Point, spaced

WIDTH, HEIGHT = 600, 200
MOST_RATES = 60


@dataclass(frozen=True)
class Chart:
    """Lines over time. `paints` are names of colours of the style sheet, in the order of `names`."""

    title: str
    names: tuple[str, ...]
    paints: tuple[str, ...]
    times: list[float]
    lines: list[list[float]]

    @property
    def series(self) -> str:
        """The data as JSON: seconds since 1970, then each line's values."""
        return json.dumps([self.times, *self.lines], separators=(",", ":"))

    @property
    def drawn(self) -> Markup:
        """The lines as SVG."""
        if len(self.times) < 2:
            return Markup("")
        first, length = self.times[0], (self.times[-1] - self.times[0]) or 1
        top = max((max(line) for line in self.lines), default=0) or 1
        drawn = "".join(
            '<polyline fill="none" stroke="currentColor" points="'
            + " ".join(
                f"{(time - first) / length * WIDTH:.1f},{HEIGHT - value / top * HEIGHT:.1f}"
                for time, value in zip(self.times, line, strict=True)
            )
            + '"/>'
            for line in self.lines
        )
        label = Markup.escape(self.title)
        return Markup(  # noqa: S704 - of numbers and an escaped label
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{label}">'
            f"{drawn}</svg>"
        )


def counts_chart(points: Sequence[Point]) -> Chart:
    """Finished items over time."""
    times = [point.at / 1000 for point in points]
    lines: list[list[float]] = [[point.finished for point in points]]
    names: tuple[str, ...] = ("finished",)
    paints: tuple[str, ...] = ("--accent",)
    if points and points[-1].failed * 100 > points[-1].finished:
        lines.append([point.failed for point in points])
        names, paints = (*names, "failed"), (*paints, "--bad")
    return Chart("Finished items over time", names, paints, times, lines)


def rate_chart(points: Sequence[Point]) -> Chart:
    """Items a second over time, each over two seconds or more."""
    steps = list(pairwise(spaced(points, MOST_RATES)))
    times = [after.at / 1000 for _, after in steps]
    rates = [
        round(max(0.0, (after.finished - before.finished) * 1000 / (after.at - before.at)), 2)
        for before, after in steps
    ]
    return Chart("Items a second over time", ("items a second",), ("--accent",), times, [rates])
