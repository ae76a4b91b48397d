"""How long an item's work takes by the function's memory: Lambda's CPU grows with it. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

import math
import re
from bisect import bisect_left
from dataclasses import dataclass, replace

from bootstrap.problem import Problem
from costs.plan.settings import Settings, Workload

POINT = re.compile(r"(\d{1,5})=(\d+(?:\.\d+)?)")
SMALLEST, LARGEST = 128, 10_240  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
EXPECTED = "MB=MILLISECONDS,... of one and the same item, such as 128=900,256=450,512=240"
# Sizes that are searched between the first and the last point, beside the points themselves.
SIZES = (128, 192, 256, 384, 512, 768, 1024, 1536, 1769, 2048, 3008, 4096, 6144, 8192, 10_240)


@dataclass(frozen=True)
class MemoryCurve:
    """Measured durations: memory in MB, ascending, and milliseconds. Without points the duration is the same at any."""

    points: tuple[tuple[int, float], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "MemoryCurve":
        """From `128=900,256=450`. Raises Problem, which names the part that is wrong."""
        points: dict[int, float] = {}
        for part in text.split(","):
            match = POINT.fullmatch(part.strip())
            if not match:
                raise Problem(f"--memory-curve: {part.strip()!r} is not MB=MILLISECONDS", f"expected {EXPECTED}")
            memory, duration = int(match[1]), float(match[2])
            if not SMALLEST <= memory <= LARGEST:
                raise Problem(f"--memory-curve {part.strip()}: a function has {SMALLEST} to {LARGEST:,} MB")
            if memory in points:
                raise Problem(f"--memory-curve: {memory} MB is given twice", f"expected {EXPECTED}")
            if not duration:
                raise Problem(f"--memory-curve {part.strip()}: a duration is more than 0 ms", f"expected {EXPECTED}")
            points[memory] = duration
        return cls(tuple(sorted(points.items())))

    def milliseconds(self, memory: int) -> float:
        """The duration at `memory` MB: between two points on the straight line of their logarithms, flat beyond."""
        sizes = [size for size, _ in self.points]
        right = bisect_left(sizes, memory)
        if right == 0:
            return self.points[0][1]
        if right == len(sizes):
            return self.points[-1][1]
        (low, slow), (high, fast) = self.points[right - 1 : right + 1]
        share = math.log(memory / low) / math.log(high / low)
        return math.exp(math.log(slow) + share * math.log(fast / slow))

    def factor(self, memory: int) -> float:
        """What an item's work is multiplied with at `memory` MB; 1 at the stacks' default."""
        if not self.points:
            return 1.0
        return self.milliseconds(memory) / self.milliseconds(Settings().processor_memory)

    def sizes(self) -> tuple[int, ...]:
        """The memory sizes worth a try: none beyond what was measured; the stacks' default where nothing was."""
        if not self.points:
            return (Settings().processor_memory,)
        first, last = self.points[0][0], self.points[-1][0]
        between = {size for size in SIZES if first < size < last}
        return tuple(sorted({size for size, _ in self.points} | between))

    def workload(self, workload: Workload, settings: Settings) -> Workload:
        """The workload as its items take at the settings' memory."""
        factor = self.factor(settings.processor_memory)
        return workload if factor == 1 else replace(workload, values=workload.values.scaled(factor))
