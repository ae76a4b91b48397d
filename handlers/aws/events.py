"""The events that Rollcall publishes; both architectures publish the same ones."""

import json
from dataclasses import dataclass

from handlers.aws import Client
from handlers.aws.errors import ServiceUnavailable
from handlers.core.json_text import JsonObject

SOURCE = "rollcall"
STARTED = "Batch Started"
FINISHED = "Batch Finished"
STALLED = "Batch Stalled"
SKIPPED = "Batch Skipped"


class PublishFailed(ServiceUnavailable):
    """EventBridge accepted the call and refused the event."""


@dataclass
class Events:
    """Publishes on one event bus."""

    client: Client
    bus_name: str

    def publish(self, detail_type: str, detail: JsonObject) -> None:
        """Publish one event. Raises PublishFailed when EventBridge refuses it."""
        entry = {
            "Source": SOURCE,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "EventBusName": self.bus_name,
        }
        answer = self.client.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            refusal = answer["Entries"][0]
            raise PublishFailed(f"{detail_type}: {refusal.get('ErrorCode')}: {refusal.get('ErrorMessage')}")
