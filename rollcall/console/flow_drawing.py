"""The two architectures as drawings: boxes with what stands in them, and the ways between them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from costs.format import count, seconds
from rollcall.console.flow_facts import Flow, Function, Queue

BOX_WIDTH, BOX_HEIGHT = 190, 84
COLUMN, ROW = 250, 124
# Both drawings have the same scale.
COLUMNS = 5


@dataclass(frozen=True)
class Box:
    """A box in a grid, with lines of text. `look` is `busy` or nothing."""

    column: float
    row: float
    name: str
    lines: Sequence[str]
    look: str = ""

    @property
    def at(self) -> tuple[float, float]:
        """Its upper left corner."""
        return 1 + self.column * COLUMN, 1 + self.row * ROW


def queue_box(column: float, row: float, name: str, queue: Queue) -> Box:
    """A queue: its depth, what is in flight, and the age of its oldest message."""
    lines = [f"{count(queue.waiting)} waiting, {count(queue.in_flight)} in flight"]
    lines.append(f"oldest {seconds(queue.oldest)}" if queue.oldest is not None else f"{count(queue.delayed)} for later")
    return Box(column, row, name, lines, "busy" if queue.all else "")


def function_box(column: float, row: float, name: str, function: Function) -> Box:
    """A function: how many of it run, and what was counted."""
    runs = "running: not known here" if function.running is None else f"{count(function.running)} running"
    counted = (
        f"{count(function.invocations)} begun, {count(function.cold_starts)} cold"
        if function.invocations is not None
        else ""
    )
    return Box(column, row, name, [runs, counted], "busy" if function.running else "")


def sqs_drawing(flow: Flow, chunks: str, open_batches: str) -> Markup:
    """The SQS architecture."""
    queues, functions = flow.queues, flow.functions
    boxes = [
        Box(0, 0, "Requests", ["of people and the schedule,", "kept by Lambda for its tries"]),
        function_box(1, 0, "Batcher", functions["Batcher"]),
        queue_box(2, 0, "Chunk queue", queues["Chunk"]),
        function_box(3, 0, "Processor", functions["Processor"]),
        queue_box(4, 0, "Finalizer queue", queues["Finalizer"]),
        Box(3, 1, "Table", [chunks, open_batches]),
        function_box(4, 1, "Finalizer", functions["Finalizer"]),
    ]
    ways = [*(across(column, 0) for column in range(4)), turned(1, 0, 3), down(3, 0), down(4, 0), back(4, 1)]
    return drawing(boxes, ways, 2, "The SQS architecture")


def sfn_drawing(flow: Flow, working: int, waiting: int, open_batches: str) -> Markup:
    """The Step Functions architecture; so many chunks are worked on, and wait."""
    queues, functions = flow.queues, flow.functions
    children = [f"{working:,} chunks in work", f"{waiting:,} waiting"]
    boxes = [
        Box(0, 0, "State machine", [f"{count(flow.executions)} executions run", open_batches], busy(flow.executions)),
        function_box(1, 0, "Batcher", functions["Batcher"]),
        Box(2, 0, "Distributed Map", children, busy(working)),
        function_box(3, 0, "Processor", functions["Processor"]),
        function_box(3, 1, "Failure recorder", functions["FailureRecorder"]),
        queue_box(1, 1, "Finalizer queue", queues["Finalizer"]),
        function_box(2, 1, "Finalizer", functions["Finalizer"]),
    ]
    ways = [
        *(across(column, 0) for column in range(3)),
        down(3, 0),
        turned(0, 0, 1, dotted=True),
        across(1, 1),
        down(2, 0),
    ]
    return drawing(boxes, ways, 2, "The Step Functions architecture")


def busy(number: int | None) -> str:
    """The look of a box in which so many run."""
    return "busy" if number else ""


def across(column: int, row: int, dotted: bool = False) -> str:
    """From a box to the one on its right."""
    x, y = 1 + column * COLUMN + BOX_WIDTH, 1 + row * ROW + BOX_HEIGHT / 2
    return way(f"M{x} {y}H{x + COLUMN - BOX_WIDTH - 6}", (x + COLUMN - BOX_WIDTH, y), "right", dotted)


def back(column: int, row: int) -> str:
    """From a box to the one on its left."""
    x, y = 1 + column * COLUMN, 1 + row * ROW + BOX_HEIGHT / 2
    return way(f"M{x} {y}H{x - COLUMN + BOX_WIDTH + 6}", (x - COLUMN + BOX_WIDTH, y), "left", dotted=False)


def down(column: int, row: int) -> str:
    """From a box to the one below it."""
    x, y = 1 + column * COLUMN + BOX_WIDTH / 2, 1 + row * ROW + BOX_HEIGHT
    end = 1 + (row + 1) * ROW
    return way(f"M{x} {y}V{end - 6}", (x, end), "down", dotted=False)


def turned(column: int, row: int, to_column: int, dotted: bool = False) -> str:
    """From under a box to the left side of one in the next row, further right."""
    x, y = 1 + column * COLUMN + BOX_WIDTH / 2, 1 + row * ROW + BOX_HEIGHT
    left, middle = 1 + to_column * COLUMN, 1 + (row + 1) * ROW + BOX_HEIGHT / 2
    return way(f"M{x} {y}V{middle}H{left - 6}", (left, middle), "right", dotted)


def way(path: str, tip: tuple[float, float], direction: str, dotted: bool) -> str:
    """A line with an arrow's head."""
    x, y = tip
    turned = {
        "right": f"M{x} {y}l-8 -4v8z",
        "left": f"M{x} {y}l8 -4v8z",
        "down": f"M{x} {y}l-4 -8h8z",
    }[direction]
    return f'<path class="{"dotted" if dotted else "way"}" d="{path}"/><path class="head-of" d="{turned}"/>'


def drawing(boxes: Iterable[Box], ways: Iterable[str], rows: int, title: str) -> Markup:
    """The whole drawing, with its texts for those who do not see it."""
    width, height = (COLUMNS - 1) * COLUMN + BOX_WIDTH + 2, (rows - 1) * ROW + BOX_HEIGHT + 2
    drawn = []
    for box in boxes:
        x, y = box.at
        texts = "".join(
            f'<text class="small" x="{x + 14}" y="{y + 48 + 18 * number}">{escape(line)}</text>'
            for number, line in enumerate(box.lines)
        )
        drawn.append(
            f'<g class="{box.look}"><rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8"/>'
            f'<text class="name" x="{x + 14}" y="{y + 26}">{escape(box.name)}</text>{texts}</g>'
        )
    return Markup(  # noqa: S704 - of numbers and escaped texts
        f'<svg class="flow" viewBox="0 0 {width} {height}" role="group" aria-label="{escape(title)}">'
        f"{''.join(ways)}{''.join(drawn)}</svg>"
    )
