"""Shows a running batch: its progress, its rate, and the time that is left."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as RichProgress

from bootstrap.printable import one_line
from costs.format import count, seconds
from rollcall.batches.batch import Progress
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
    if progress.trouble:
        parts.append(progress.trouble)
    return ", ".join(parts)


class Display(Protocol):
    """Shows the progress of a batch."""

    def show(self, progress: Progress | None) -> None:
        """Show the latest observation; None before the batch has a record."""


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
    with RichProgress(*columns, console=stderr, transient=True) as rich_progress:
        task = rich_progress.add_task(architecture, total=None, line=describe(None, Pace()))
        yield LiveDisplay(rich_progress, task)


class LiveDisplay:
    """A progress bar that is redrawn in place."""

    def __init__(self, rich_progress: RichProgress, task: TaskID) -> None:
        self._rich_progress = rich_progress
        self._task = task
        self._pace = Pace()

    def show(self, progress: Progress | None) -> None:
        if progress:
            self._pace.observe(time.monotonic(), progress.done)
        # A bar without a total is animated.
        total = progress.items or None if progress else None
        line = one_line(describe(progress, self._pace))
        self._rich_progress.update(self._task, total=total, completed=progress.done if progress else 0, line=line)


class PlainDisplay:
    """A line at every new stage, and every few seconds."""

    def __init__(self, architecture: str) -> None:
        self._architecture = architecture
        self._pace = Pace()
        self._last_stage: str | None = None
        self._last_line_at = float("-inf")

    def show(self, progress: Progress | None) -> None:
        now = time.monotonic()
        if progress:
            self._pace.observe(now, progress.done)
        stage = progress.stage if progress else ""
        if stage == self._last_stage and now - self._last_line_at < PLAIN_LINE_EVERY_SECONDS:
            return
        self._last_stage, self._last_line_at = stage, now
        stderr.print(f"{self._architecture}  {describe(progress, self._pace)}", markup=False, soft_wrap=True)
