"""The obvious implementation, and what is wrong with it: a checker that cannot fail proves nothing.

It runs on the real SQS stack: these modules take the place of handlers/sqs/. Message before record, no seal, a counter
instead of records, check then notify.
"""

from collections.abc import Mapping
from pathlib import Path

from tests.chaos.batches import Scope, Spec
from tests.chaos.stage import Stage

HERE = Path(__file__).parent
MODULES = ("batcher", "processor", "finalizer", "counter")


class NaiveStage(Stage):
    """The SQS stack with the obvious implementation in the place of Rollcall's own."""

    handlers: Mapping[str, Path] = {f"handlers/sqs/{name}.py": HERE / f"{name}.py" for name in MODULES}
    scope = Scope(("sqs",), deadline=20, early_ends=False, redrives=False, mistakes=False)
    grace_seconds: Mapping[str, int] = {"sqs": 5}
    start_seconds: Mapping[str, int] = {"sqs": 0}

    def failed_items(self, spec: Spec, generation: int) -> frozenset[str]:
        key = {"PK": {"S": f"batch#{spec.batch_id}"}, "SK": {"S": "counter"}}
        answer = self.aws("dynamodb").get_item(TableName=self.outputs["sqs"]["TableName"], Key=key)
        return frozenset(answer.get("Item", {}).get("failed", {}).get("SS", ()))
