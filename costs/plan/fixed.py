"""What the stacks' templates and the handlers fix and no setting changes. A test holds these against them."""

ORCHESTRATION_MEMORY = 256
"""MB of every function but the processor."""
SQS_BATCHERS = 5
"""MaximumConcurrency of the batcher's event source."""
SFN_BATCHER_TIMEOUT = 900
SFN_BATCHER_STOP = 20
"""Seconds that its batcher leaves of its time."""
SQS_BATCHER_STOP = 10
"""Seconds, or a quarter of its timeout where that is less, that its batcher leaves of its time."""
WINDOW_CHUNKS = 250
WINDOW_BYTES = 8 * 1024 * 1024
PART_BYTES = 8 * 1024 * 1024
RECORDS_PER_WRITE = 25
MESSAGES_PER_SEND = 10
FLUSH_MS = 1000
"""A chunk that is finished later than this after the last delete is deleted at once."""
STOP_SECONDS = 2
"""With less left no item is begun; with less than twice this, no chunk."""
SQS_MAX_ITEM_BYTES = 256 * 1024
SQS_MAX_CHUNK_BYTES = 1024 * 1024 - 1024
SFN_MAX_CHUNK_BYTES = 200 * 1024
"""Of an item, too."""
LONGEST_DEADLINE = {"sqs": 13 * 86_400, "sfn": 14 * 86_400}
UNBATCHED, WINDOW_SECONDS = 10, 1
"""More messages an invocation than the first need a batching window: of so many seconds."""
FUNCTION_TIMEOUTS = (3, 5, 10, 20, 30, 60, 90, 120)
