"""The batchers of the SQS architecture: how fast they turn a batch's chunks into records and messages."""

import math
from dataclasses import dataclass

from costs.plan.chunk_time import StepTimes, spare_seconds
from costs.plan.limits import Impossible
from costs.plan.queue import Arrivals, Rate, steps
from costs.plan.settings import Settings, Workload
from costs.plan.shape import SqsShape
from handlers.sqs.batcher import WINDOW_MS
from handlers.sqs.finished import FLUSH_CHUNKS
from handlers.sqs.records import LANES

# The lanes of a batch's segments, each a batcher's. No parameter changes their number.
BATCHERS = "BatcherLanes"


@dataclass(frozen=True, kw_only=True)
class Batchers:
    """Batchers make segments side by side, each at `rate` chunks per second.

    The first batcher takes up a segment at `begin`, and sends its first messages `lead` seconds later. `milliseconds`
    are billed ones without init. An invocation makes chunks for `room_milliseconds`.
    """

    begin: float
    lead: float
    rate: float
    chunks: int
    segments: int
    side_by_side: int
    invocations: float
    milliseconds: float
    room_milliseconds: float

    @property
    def stages(self) -> list[tuple[float, float, str]]:
        """For each stage: the chunks made by its end, the chunks per second, and the name of what limits them.

        In the first stage all batchers are busy. In the second one fewer segments than batchers are left.
        """
        full = self.segments // self.side_by_side * self.side_by_side
        name = BATCHERS if self.side_by_side == LANES else "ChunksPerSegment"
        stages = [(full * self.chunks / self.segments, self.side_by_side * self.rate, name)]
        if self.segments > full:
            stages.append((float(self.chunks), (self.segments - full) * self.rate, "ChunksPerSegment"))
        return stages

    def arrivals(self, writes: Rate | None) -> Arrivals:
        """The arrivals of the chunks' messages. DynamoDB takes at most `writes` of their records per second."""
        made = Arrivals([self.begin + self.lead], [0.0], [])
        limit = writes or (lambda _: (math.inf, ""))
        for until, rate, name in self.stages:
            time, done = made.times[-1], made.counts[-1]
            allowed, quota = limit(time)
            for then in steps(time) if writes else (math.inf,):
                more, next_quota = limit(then)
                speed = (min(rate, allowed) + min(rate, more)) / 2
                end = min(then, time + (until - done) / speed)
                done = until if end < then else done + speed * (then - time)
                made.times.append(end)
                made.counts.append(done)
                made.names.append(quota if allowed < rate else name)
                if done >= until:
                    break
                time, allowed, quota = then, more, next_quota
        return made

    def slowed_down(self, sealed: float) -> float:
        """The milliseconds that all batchers together wait for DynamoDB, if the last message is sent at `sealed`."""
        rounds = math.ceil(self.segments / self.side_by_side)
        own = rounds * self.chunks / self.segments / self.rate
        return max(0.0, sealed - self.begin - self.lead - own) * self.side_by_side * 1000


def batchers(workload: Workload, settings: Settings, shape: SqsShape, times: StepTimes) -> Batchers:
    """The batchers of a batch; the steps are docs/design.md's. Raises Impossible if a window takes too long."""
    segments = shape.filled_segments
    empty = shape.segments - segments
    per_segment = shape.chunks / segments
    window = min(shape.window_chunks, per_segment)
    making = window * workload.items / shape.chunks * times.make_item + times.dynamodb
    making += math.ceil(window / FLUSH_CHUNKS) * times.dynamodb_batch + times.dynamodb
    sending = math.ceil(window / shape.window_chunks * shape.window_sends) * times.sqs
    timeout = settings.function_timeout
    room = (timeout - spare_seconds(WINDOW_MS, timeout)) * 1000
    claiming = times.overhead + 2 * times.dynamodb
    if claiming + making + sending > timeout * 1000:
        raise Impossible(
            "FunctionTimeout",
            f"the batcher needs {(making + sending) / 1000:,.1f} s for a window of {window:,.0f} chunks and has "
            f"{timeout} s: raise it, or lower ItemsPerChunk",
        )
    lanes, side_by_side = min(shape.segments, LANES), min(segments, LANES)
    per_lane = segments / side_by_side
    work = per_lane * (per_segment / window * (making + sending) + times.dynamodb)
    # A batcher that continues a segment sends the last window's messages again.
    again = claiming + sending
    invocations = max(1, math.ceil((work - again) / max(room - again, making + sending)))
    lane_ms = work + invocations * claiming + (invocations - 1) * sending
    delivery, init = times.delivery, times.init
    # It invokes the batchers of the other lanes: a call as short as one of SQS.
    starting = times.overhead + times.sqs + times.dynamodb + times.events + (lanes - 1) * times.sqs
    # The invocation that started the batch makes the first lane; the others must start first.
    begin = delivery + init + starting + (delivery + init if side_by_side > 1 else 0)
    lead = claiming + making + times.sqs
    sealing = shape.segments * times.dynamodb + times.sqs
    return Batchers(
        begin=begin / 1000, lead=lead / 1000,
        rate=per_lane * per_segment / max(lane_ms + (invocations - 1) * delivery - lead, 1.0) * 1000,
        chunks=shape.chunks, segments=segments, side_by_side=side_by_side,
        invocations=lanes + side_by_side * (invocations - 1),
        milliseconds=starting + side_by_side * lane_ms + empty * times.dynamodb + sealing,
        room_milliseconds=room,
    )  # fmt: skip
