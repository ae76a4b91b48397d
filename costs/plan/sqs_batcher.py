"""The SQS architecture's batchers: how fast a batch's chunks become records and messages, and what that takes."""

import math
from dataclasses import dataclass

import numpy as np

from costs.plan import fixed
from costs.plan.checks import item_bytes
from costs.plan.chunk_cost import spare_seconds
from costs.plan.limits import Impossible
from costs.plan.pool import GRID, Arrivals
from costs.plan.settings import Settings, Workload
from costs.plan.shape import sqs_shape
from costs.plan.steps import Steps

# Its MaximumConcurrency is the template's, and no parameter.
BATCHERS = "BatcherEventSource"


@dataclass(frozen=True)
class Batchers:
    """Segments are made side by side, `rate` chunks a second each, the first messages after `lead` seconds.

    `begin` is when the first batcher takes up a segment. Milliseconds are billed ones without init, an invocation makes
    chunks for `room_milliseconds`.
    """

    begin: float
    lead: float
    rate: float
    chunks: int
    segments: int
    side_by_side: int
    invocations: float
    milliseconds: float
    init_milliseconds: float
    environments: int
    room_milliseconds: float

    def slowed_down(self, sealed: float) -> float:
        """Milliseconds that the batchers wait for DynamoDB, all together, when the last message is out at `sealed`."""
        rounds, rest = divmod(self.segments, self.side_by_side)
        own = (rounds + (1 if rest else 0)) * self.chunks / self.segments / self.rate
        return max(0.0, sealed - self.begin - self.lead - own) * self.side_by_side * 1000

    def arrivals(self, writes_left: np.ndarray, binding: np.ndarray) -> Arrivals:
        """When chunks' messages are in the queue, as far as DynamoDB takes their records.

        `writes_left` is how many a second it does at every time of GRID; `binding` names the quota that says so.
        """
        full = self.segments // self.side_by_side * self.side_by_side
        per_segment = self.chunks / self.segments
        own = [BATCHERS if self.side_by_side == fixed.SQS_BATCHERS else "ChunksPerSegment"]
        stages = [(full * per_segment, self.side_by_side * self.rate)]
        if self.segments > full:
            stages.append((float(self.chunks), (self.segments - full) * self.rate))
            own.append("ChunksPerSegment")
        times, counts, names = [self.begin + self.lead], [0.0], []
        for (until, rate), name in zip(stages, own, strict=True):
            if until <= counts[-1]:
                continue
            allowed = np.minimum(rate, writes_left)
            made = np.concatenate([[0], np.cumsum((allowed[1:] + allowed[:-1]) / 2 * np.diff(GRID))])
            already = float(np.interp(times[-1], GRID, made)) - counts[-1]
            end = float(np.interp(until + already, made, GRID))
            between = GRID[(times[-1] < GRID) & (end > GRID)] if (allowed < rate).any() else GRID[:0]
            for time in (*between.tolist(), end):
                at = int(np.searchsorted(GRID, time)) - 1
                names.append(str(binding[at]) if allowed[at] < rate else name)
                times.append(time)
                counts.append(min(until, float(np.interp(time, GRID, made)) - already))
            counts[-1] = until
        return Arrivals(np.array(times), np.array(counts), tuple(names))


def batchers(workload: Workload, settings: Settings, chunks: int, steps: Steps) -> Batchers:
    """What the batchers of a batch do, in docs/design.md's order. Raises Impossible where a window outlasts them."""
    cut_into = sqs_shape(workload, settings, item_bytes(workload)).segments
    # A segment of a file may lie within one very large item, and be empty: a batcher looks, and seals it.
    segments = min(cut_into, chunks)
    empty = cut_into - segments
    per_segment = chunks / segments
    items = workload.items / chunks
    chunk_bytes = items * (item_bytes(workload) + 1)
    window = min(fixed.WINDOW_CHUNKS, per_segment, max(1.0, fixed.WINDOW_BYTES / chunk_bytes))
    sent_together = max(1, min(fixed.MESSAGES_PER_SEND, int(fixed.SQS_MAX_CHUNK_BYTES / chunk_bytes)))
    making = window * items * steps.make_item + steps.dynamodb
    making += math.ceil(window / fixed.RECORDS_PER_WRITE) * steps.dynamodb_batch + steps.dynamodb
    sending = math.ceil(window / sent_together) * steps.sqs
    timeout = settings.function_timeout
    room = (timeout - spare_seconds(fixed.SQS_BATCHER_STOP, timeout)) * 1000
    claiming = steps.overhead + 2 * steps.dynamodb
    if claiming + making + sending > timeout * 1000:
        raise Impossible(
            "FunctionTimeout",
            f"the batcher needs {(making + sending) / 1000:,.1f} s for a window of {window:,.0f} chunks and has "
            f"{timeout} s: raise it, or lower ItemsPerChunk",
        )
    windows = per_segment / window
    work = windows * (making + sending)
    # A batcher that goes on sends the last window's messages again.
    again = claiming + sending
    invocations = max(1, math.ceil((work - again) / max(room - again, making + sending)))
    sent_ms = work + invocations * claiming + (invocations - 1) * sending
    handing_on = (invocations - 1) * steps.assumptions["sqs.delivery_ms"]
    starting = steps.overhead + steps.sqs + steps.dynamodb + math.ceil(cut_into / fixed.MESSAGES_PER_SEND) * steps.sqs
    side_by_side = min(segments, fixed.SQS_BATCHERS)
    delivery, init = steps.assumptions["sqs.delivery_ms"], steps.assumptions["lambda.init_ms"]
    # The environment that started the batch takes a segment up; the others start first.
    begin = delivery + init + starting + steps.events + delivery + (init if side_by_side > 1 else 0)
    lead = claiming + making + steps.sqs
    return Batchers(
        begin=begin / 1000,
        lead=lead / 1000,
        rate=per_segment / max(sent_ms + handing_on - lead, 1.0) * 1000,
        chunks=chunks,
        segments=segments,
        side_by_side=side_by_side,
        invocations=1 + empty + segments * invocations,
        milliseconds=starting
        + steps.events
        + segments * sent_ms
        + empty * claiming
        + cut_into * steps.dynamodb
        + steps.sqs,
        init_milliseconds=side_by_side * init,
        environments=side_by_side,
        room_milliseconds=room,
    )
