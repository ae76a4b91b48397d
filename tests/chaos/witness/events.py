"""Around handlers/aws/events.py: tells of every Batch Finished that is about to be published."""

from typing import Any

from handlers.aws.events_itself import *  # noqa: F403 - takes the module's place, whatever others want of it

from handlers import witness
from handlers.aws import events_itself


class Events(events_itself.Events):
    """The events, watched."""

    def publish(self, detail_type: str, detail: dict[str, Any]) -> None:
        if detail_type == events_itself.FINISHED:
            witness.tell("publishing", batch=detail["batchId"], generation=detail["generation"])
        super().publish(detail_type, detail)
