"""A queue that hears events of Rollcall."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.evidence import Announcement

RING = "ring"


@dataclass
class Ear:
    """A queue with a rule that brings it events of Rollcall. `heard`: what it got, by batch and generation."""

    aws: Any
    name: str
    pattern: dict[str, Any]
    url: str = ""
    ringing: bool = False
    heard: dict[tuple[str, int], list[Announcement]] = field(default_factory=lambda: defaultdict(list))

    def open(self) -> None:
        sqs, events = self.aws("sqs"), self.aws("events")
        self.url = sqs.create_queue(QueueName=self.name, Attributes={"VisibilityTimeout": "43200"})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name=self.name, EventPattern=json.dumps(self.pattern))
        events.put_targets(Rule=self.name, Targets=[{"Id": "chaos", "Arn": arn}])

    def close(self) -> None:
        self.aws("events").remove_targets(Rule=self.name, Ids=["chaos"])
        self.aws("events").delete_rule(Name=self.name)
        self.aws("sqs").delete_queue(QueueUrl=self.url)

    def ring_after(self, seconds: int) -> None:
        """Be rung once after so many seconds of the sandbox's clock, which skips no further than that."""
        if not self.ringing:
            self.aws("sqs").send_message(QueueUrl=self.url, MessageBody=RING, DelaySeconds=seconds)
            self.ringing = True

    def listen(self) -> bool:
        """Take in what has come; whether it was rung."""
        rang = False
        sqs = self.aws("sqs")
        request = {"QueueUrl": self.url, "MaxNumberOfMessages": 10, "AttributeNames": ["SentTimestamp"]}
        while messages := sqs.receive_message(**request).get("Messages"):
            for message in messages:
                if message["Body"] == RING:
                    rang, self.ringing = True, False
                    continue
                detail = json.loads(message["Body"])["detail"]
                announcement = Announcement(int(message["Attributes"]["SentTimestamp"]), detail)
                self.heard[detail["batchId"], detail["generation"]].append(announcement)
            entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
            sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
        return rang
