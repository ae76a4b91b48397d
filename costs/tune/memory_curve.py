"""The duration of an item by the processor's memory: Lambda's CPU grows with the memory.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

import math
import re
from dataclasses import dataclass, replace
from itertools import pairwise

from bootstrap.problem import Problem
from costs.plan.settings import Settings, Workload, parameter

POINT = re.compile(r"(\d{1,5})=(\d+(?:\.\d+)?)")
MEMORY = parameter("processor_memory")
EXPECTED = "expected MB=MILLISECONDS,... measured with the same item, such as 128=900,256=450,512=240"
# Sizes that the search tries between the first and the last point, besides the points themselves.
SIZES = (128, 192, 256, 384, 512, 768, 1024, 1536, 1769, 2048, 3008, 4096, 6144, 8192, 10_240)


@dataclass(frozen=True)
class MemoryCurve:
    """Measured points (MB, milliseconds), smallest memory first. Without points the duration is the same at any MB."""

    points: tuple[tuple[int, float], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "MemoryCurve":
        """The curve that `128=900,256=450` describes. Raises Problem, which names the wrong part."""
        points: dict[int, float] = {}
        for part in map(str.strip, text.split(",")):
            match = POINT.fullmatch(part)
            if not match:
                raise Problem(f"--memory-curve: {part!r} is not MB=MILLISECONDS", EXPECTED)
            memory, duration = int(match[1]), float(match[2])
            if not MEMORY.allows(memory):
                raise Problem(f"--memory-curve {part}: a function has {MEMORY.low:,} to {MEMORY.high:,} MB")
            if memory in points:
                raise Problem(f"--memory-curve: {memory} MB is given twice", EXPECTED)
            if not duration:
                raise Problem(f"--memory-curve {part}: a duration is more than 0 ms", EXPECTED)
            points[memory] = duration
        return cls(tuple(sorted(points.items())))

    def milliseconds(self, memory: int) -> float:
        """The duration at `memory` MB: on a line between the logarithms of two points, flat beyond the ends."""
        memory = min(max(memory, self.points[0][0]), self.points[-1][0])
        for (low, slow), (high, fast) in pairwise(self.points):
            if memory <= high:
                return float(slow * (fast / slow) ** (math.log(memory / low) / math.log(high / low)))
        return self.points[-1][1]

    def factor(self, memory: int) -> float:
        """The duration at `memory` MB relative to the duration at the stacks' default memory."""
        if not self.points:
            return 1.0
        return self.milliseconds(memory) / self.milliseconds(Settings().processor_memory)

    def sizes(self) -> tuple[int, ...]:
        """The memory sizes to search: none beyond the measured points; the stacks' default if there are no points."""
        if not self.points:
            return (Settings().processor_memory,)
        first, last = self.points[0][0], self.points[-1][0]
        between = {size for size in SIZES if first < size < last}
        return tuple(sorted({size for size, _ in self.points} | between))

    def workload(self, workload: Workload, settings: Settings) -> Workload:
        """The workload with its items' milliseconds at the settings' memory."""
        factor = self.factor(settings.processor_memory)
        return workload if factor == 1 else replace(workload, values=workload.values.scaled(factor))
