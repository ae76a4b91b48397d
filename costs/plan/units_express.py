"""What EXPRESS executions are billed as. https://aws.amazon.com/step-functions/pricing/"""

import math

BASE_MB, STEP_MB = 50, 64
MB = 1024 * 1024


def memory_gb(definition_bytes: int) -> float:
    """GB of one execution without Parallel or Map, whose payloads would be added: 50 MB and its definition."""
    used = BASE_MB + definition_bytes / MB
    return math.ceil(used / STEP_MB) * STEP_MB / 1024


def gb_seconds(billed_ms: float, memory: float) -> float:
    """GB-seconds of milliseconds as billed: each execution's up to 100."""
    return billed_ms / 1000 * memory
