"""Shows a running batch: its progress, its rate, and the time that is left."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from bootstrap.printable import one_line
from costs.format import count, seconds
from rollcall.batches.batch import Progress
from rollcall.batches.invocation_errors import InvocationError
from rollcall.terminal.console import stderr

WINDOW_SECONDS = 15.0
PLAIN_LINE_EVERY_SECONDS = 5.0


class Pace:
    """The rate of the last `WINDOW_SECONDS`, so that it follows a batch that slows down or speeds up."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def observe(self, now: float, done: int) -> None:
        """Record that `done` items were finished at `now`, in seconds on a monotonic clock."""
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW_SECONDS:
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Items per second; None before two observations differ."""
        if not self._seen:
            return None
        (began, before), (ended, after) = self._seen[0], self._seen[-1]
        return (after - before) / (ended - began) if ended > began and after > before else None

    def seconds_left(self, total: int | None) -> float | None:
        """The seconds until `total` items are done at this rate; None if unknown."""
        if total is None or not self.rate:
            return None
        return max(0, total - self._seen[-1][1]) / self.rate


def describe(progress: Progress | None, pace: Pace) -> str:
    """One line, such as `processing: 640 of 1,000 items, 3 failed, 210/s, about 2 s left`."""
    if progress is None:
        return "waiting for the batcher"
    total = "" if progress.items is None else f" of {progress.items:,}"
    parts = [f"{progress.stage}: {progress.done:,}{total} items"]
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if pace.rate:
        parts.append(f"{count(pace.rate)}/s")
    left = pace.seconds_left(progress.items)
    if left:
        parts.append(f"about {seconds(left) if left >= 60 else f'{max(1, round(left))} s'} left")
    return ", ".join(parts)


def troubles(progress: Progress | None, errors: Sequence[InvocationError]) -> list[str]:
    """A line for each thing that goes wrong with a batch."""
    trouble = [progress.trouble] if progress and progress.trouble else []
    return [*trouble, *map(str, errors)]


class Display(Protocol):
    """Shows the progress of a batch."""

    def show(self, progress: Progress | None, errors: Sequence[InvocationError] = ()) -> None:
        """Show the latest observation, None before the batch has a record, and the errors of invocations."""


@contextmanager
def display(architecture: str) -> Iterator[Display]:
    """Show progress on stderr: on a terminal a bar, which is removed at the end, otherwise a line now and then."""
    if not stderr.is_terminal:
        yield PlainDisplay(architecture)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}[/]"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[line]}", markup=False),
    )
    with Bar(*columns, console=stderr, transient=True) as bar:
        yield LiveDisplay(bar, architecture)


class Bar(RichProgress):
    """A progress bar with lines of trouble below it, which are wrapped; the bar's own line is cut."""

    troubles: Sequence[str] = ()

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        for trouble in self.troubles:
            yield Padding(Text(one_line(trouble), "yellow"), (0, 0, 0, 2))


class LiveDisplay:
    """A progress bar that is redrawn in place."""

    def __init__(self, bar: Bar, architecture: str) -> None:
        self._bar = bar
        self._task = bar.add_task(architecture, total=None, line=describe(None, Pace()))
        self._pace = Pace()

    def show(self, progress: Progress | None, errors: Sequence[InvocationError] = ()) -> None:
        if progress:
            self._pace.observe(time.monotonic(), progress.done)
        # A bar without a total is animated.
        total = progress.items or None if progress else None
        line = one_line(describe(progress, self._pace))
        self._bar.troubles = troubles(progress, errors)
        self._bar.update(self._task, total=total, completed=progress.done if progress else 0, line=line)


class PlainDisplay:
    """A line at every new stage, and every few seconds; at once a line for each new or repeated trouble."""

    def __init__(self, architecture: str) -> None:
        self._architecture = architecture
        self._pace = Pace()
        self._last_stage: str | None = None
        self._last_line_at = float("-inf")
        self._told: set[str] = set()

    def show(self, progress: Progress | None, errors: Sequence[InvocationError] = ()) -> None:
        self._show_progress(progress)
        for trouble in troubles(progress, errors):
            if trouble not in self._told:
                self._told.add(trouble)
                stderr.print(f"{self._architecture}  {trouble}", markup=False, soft_wrap=True)

    def _show_progress(self, progress: Progress | None) -> None:
        now = time.monotonic()
        if progress:
            self._pace.observe(now, progress.done)
        stage = progress.stage if progress else ""
        if stage == self._last_stage and now - self._last_line_at < PLAIN_LINE_EVERY_SECONDS:
            return
        self._last_stage, self._last_line_at = stage, now
        stderr.print(f"{self._architecture}  {describe(progress, self._pace)}", markup=False, soft_wrap=True)
