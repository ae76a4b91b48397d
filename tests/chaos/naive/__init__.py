"""The obvious implementation, and what is wrong with it: a checker that cannot fail proves nothing.

It runs on the real SQS stack: these modules take the place of handlers/sqs/. Message before record, no seal, a counter
instead of records, check then notify.
"""

from pathlib import Path

HERE = Path(__file__).parent
MODULES = ("batcher", "processor", "finalizer")


def in_their_place() -> dict[str, Path]:
    """The overlay that puts the obvious implementation in the place of Rollcall's own."""
    return {f"handlers/sqs/{name}.py": HERE / f"{name}.py" for name in (*MODULES, "counter")}
