"""How large messages are, and how many requests they make, from the very code that writes and groups them."""

import functools
import math
from dataclasses import replace

from costs.plan.sizes_dynamodb import NOW
from handlers.aws.sqs import full_batches
from handlers.core.batch import BatchRequest
from handlers.sqs.messages import chunk_body
from handlers.sqs.records import BatchKey, ChunkKey

STEP_BYTES = 64 * 1024
"""Each is billed as a request: https://aws.amazon.com/sqs/pricing/"""


def steps(size: float) -> int:
    """Requests that a call with so many bytes is billed as."""
    return max(1, math.ceil(size / STEP_BYTES))


@functools.cache
def head_bytes(batch_id: str, item_concurrency: int, max_attempts: int) -> int:
    """A chunk's message without its items, but for the digits of its number and its shard."""
    request = replace(BatchRequest(), item_concurrency=item_concurrency, max_attempts=max_attempts)
    return len(chunk_body(ChunkKey(BatchKey(batch_id), 0, 0), request, NOW, [])) - 2


@functools.lru_cache(maxsize=4096)
def window_steps(chunks: int, body: int, last_body: int) -> int:
    """Requests of sending a window: all messages of `body` bytes but the last."""
    bodies = [body] * (chunks - 1) + [last_body]
    return sum(steps(sum(group)) for group in full_batches(bodies, bytes_of=int))
