"""The two architectures as drawings: boxes with what stands in them, and the ways between them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from costs.format import count, seconds
from rollcall.console.flow_facts import Flow, Function, Queue
from rollcall.console.words import moment

BOX_WIDTH, BOX_HEIGHT = 190, 84
COLUMN, ROW = 250, 124
# Both drawings have the same scale.
COLUMNS = 5


@dataclass(frozen=True)
class Box:
    """A box in a grid, with lines of text. `look` is `busy`, `told` or nothing."""

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


def event_box(column: float, row: float, flow: Flow) -> Box:
    """The Batch Finished event: when the last one arrived, and how long after the batch's last item."""
    if flow.arrival is None:
        return Box(column, row, "Batch Finished", ["none has arrived", "since the console began"])
    at, lag = flow.arrival
    after = f"{seconds(lag)} after the last item" if lag is not None else ""
    return Box(column, row, "Batch Finished", [f"last at {moment(at)}", after], "told")


def sqs_drawing(flow: Flow, chunks: str, open_batches: str) -> Markup:
    """The SQS architecture."""
    queues, functions = flow.queues, flow.functions
    boxes = [
        function_box(0, 0, "Batcher", functions["Batcher"]),
        queue_box(1, 0, "Chunk queue", queues["Chunk"]),
        function_box(2, 0, "Processor", functions["Processor"]),
        queue_box(3, 0, "Finalizer queue", queues["Finalizer"]),
        Box(2, 1, "Table", [chunks, open_batches]),
        function_box(3, 1, "Finalizer", functions["Finalizer"]),
        event_box(4, 1, flow),
    ]
    batcher, processor, finalizer = (running(functions[name]) for name in ("Batcher", "Processor", "Finalizer"))
    ways = [
        across(0, 0, look=batcher),
        turned(0, 0, 2, batcher),
        across(1, 0, look=processor),
        down(2, 0, processor),
        across(2, 0, look=processor),
        down(3, 0, finalizer),
        back(3, 1, finalizer),
        across(3, 1),
    ]
    return drawing(boxes, ways, 2, "The SQS architecture")


def sfn_drawing(flow: Flow, children: Sequence[str], open_batches: str) -> Markup:
    """The Step Functions architecture; `children` says what the children of its batches do, in two lines."""
    queues, functions = flow.queues, flow.functions
    boxes = [
        Box(0, 0, "State machine", [count(flow.executions, "open execution"), open_batches], busy(flow.executions)),
        function_box(1, 0, "Batcher", functions["Batcher"]),
        Box(2, 0, "Distributed Map", children, running(functions["Processor"]) and "busy"),
        function_box(3, 0, "Processor", functions["Processor"]),
        function_box(4, 0, "Failure recorder", functions["FailureRecorder"]),
        queue_box(1, 1, "Finalizer queue", queues["Finalizer"]),
        function_box(2, 1, "Finalizer", functions["Finalizer"]),
        event_box(4, 1, flow),
    ]
    batcher, processor, recorder, finalizer = (
        running(functions[name]) for name in ("Batcher", "Processor", "FailureRecorder", "Finalizer")
    )
    ways = [
        across(0, 0, look=batcher),
        across(1, 0, look=batcher),
        across(2, 0, look=processor),
        across(3, 0, look=recorder),
        turned(0, 0, 1, "dotted"),
        across(1, 1),
        down(2, 0, finalizer),
        across(2, 1, to_column=4),
    ]
    return drawing(boxes, ways, 2, "The Step Functions architecture")


def busy(number: int | None) -> str:
    """The look of a box in which so many run."""
    return "busy" if number else ""


def running(function: Function) -> str:
    """The look of the ways that a function's invocations go."""
    return "moving" if function.running else ""


def across(column: int, row: int, to_column: int | None = None, look: str = "") -> str:
    """From a box to the one on its right, or to one further on."""
    x, y = 1 + column * COLUMN + BOX_WIDTH, 1 + row * ROW + BOX_HEIGHT / 2
    end = 1 + (column + 1 if to_column is None else to_column) * COLUMN
    return way(f"M{x} {y}H{end - 6}", (end, y), "right", look)


def back(column: int, row: int, look: str = "") -> str:
    """From a box to the one on its left."""
    x, y = 1 + column * COLUMN, 1 + row * ROW + BOX_HEIGHT / 2
    end = x - COLUMN + BOX_WIDTH
    return way(f"M{x} {y}H{end + 6}", (end, y), "left", look)


def down(column: int, row: int, look: str = "") -> str:
    """From a box to the one below it."""
    x, y = 1 + column * COLUMN + BOX_WIDTH / 2, 1 + row * ROW + BOX_HEIGHT
    end = 1 + (row + 1) * ROW
    return way(f"M{x} {y}V{end - 6}", (x, end), "down", look)


def turned(column: int, row: int, to_column: int, look: str = "") -> str:
    """From under a box to the left side of one in the next row, further right."""
    x, y = 1 + column * COLUMN + BOX_WIDTH / 2, 1 + row * ROW + BOX_HEIGHT
    left, middle = 1 + to_column * COLUMN, 1 + (row + 1) * ROW + BOX_HEIGHT / 2
    return way(f"M{x} {y}V{middle}H{left - 6}", (left, middle), "right", look)


def way(path: str, tip: tuple[float, float], direction: str, look: str) -> str:
    """A line with an arrow's head. `look` is `dotted`, `moving` or nothing."""
    x, y = tip
    head = {"right": f"M{x} {y}l-8 -4v8z", "left": f"M{x} {y}l8 -4v8z", "down": f"M{x} {y}l-4 -8h8z"}[direction]
    return f'<path class="{look or "way"}" d="{path}"/><path class="head-of" d="{head}"/>'


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
