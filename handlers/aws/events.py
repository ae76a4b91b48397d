"""The events that Rollcall publishes, the same for both architectures."""

import json

from handlers.aws.errors import ServiceUnavailable

SOURCE = "rollcall"
STARTED = "Batch Started"
FINISHED = "Batch Finished"
STALLED = "Batch Stalled"
SKIPPED = "Batch Skipped"


class PublishFailed(ServiceUnavailable):
    """EventBridge took the call and refused the event."""


class Events:
    """Publishes on one event bus. `client` is boto3's for EventBridge."""

    def __init__(self, client, bus_name: str):
        self.client = client
        self.bus_name = bus_name

    def publish(self, detail_type: str, detail: dict) -> None:
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
