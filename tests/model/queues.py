"""SQS queues as values in memory, with visibility timeouts and delays."""

from collections.abc import Callable
from typing import Any, NamedTuple

BATCHER, CHUNKS, FINALIZER = "batcher", "chunks", "finalizer"
BATCHER_DEAD, CHUNKS_DEAD = "batcher-dead", "chunks-dead"
QUEUES = (BATCHER, CHUNKS, FINALIZER, BATCHER_DEAD, CHUNKS_DEAD)
DEAD_LETTER_QUEUE = {BATCHER: BATCHER_DEAD, CHUNKS: CHUNKS_DEAD}
SENDS = ("SendMessage", "SendMessageBatch")
ACCOUNT = "000000000000"


def url_of(queue: str) -> str:
    return f"https://sqs.invalid/{ACCOUNT}/{queue}"


def queue_of(url: str) -> str:
    return url.rpartition("/")[2]


class Message(NamedTuple):
    """A message that nobody has deleted yet; visible from `visible_at` on, in milliseconds."""

    queue: str
    message_id: str
    body: str
    sent_at: int
    visible_at: int
    receives: int = 0

    def as_record(self) -> dict:
        """As Lambda receives it."""
        return {
            "messageId": self.message_id,
            "receiptHandle": f"{self.queue} {self.message_id}",
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(self.receives),
                "SentTimestamp": str(self.sent_at),
                "SenderId": "model",
                "ApproximateFirstReceiveTimestamp": str(self.sent_at),
            },
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.queue}",
            "awsRegion": "us-east-1",
        }


type Queues = dict[tuple[str, str], Message]


def execute(queues: Queues, operation: str, asked: dict, now: int) -> dict:
    """Carry out one call on `queues`: a send of one message, or a change of a message's visibility."""
    if operation in SENDS:
        queue = queue_of(asked["QueueUrl"])
        # Ids that follow from what is in the queue: the same queue reached on another way is the same state.
        number = next(n for n in range(len(queues) + 1) if (queue, f"{queue}-{n}") not in queues)
        delay = asked.get("DelaySeconds", 0) * 1000
        message = Message(queue, f"{queue}-{number}", asked["MessageBody"], now, now + delay)
        queues[queue, message.message_id] = message
        return {"MessageId": message.message_id}
    assert operation == "ChangeMessageVisibility"
    queue, message_id = asked["ReceiptHandle"].split(" ")
    if changed := queues.get((queue, message_id)):
        queues[queue, message_id] = changed._replace(visible_at=now + asked["VisibilityTimeout"] * 1000)
    return {}


class SqsClient:
    """boto3's client as far as the handlers use it; a batch of messages is sent one by one."""

    def __init__(self, call: Callable[[str, dict], dict]):
        self.call = call

    def send_message(self, **asked: Any) -> dict:
        return self.call("SendMessage", asked)

    def send_message_batch(self, QueueUrl: str, Entries: list[dict]) -> dict:
        assert 0 < len(Entries) <= 10
        answer: dict[str, list] = {"Successful": [], "Failed": []}
        for entry in Entries:
            body = {name: value for name, value in entry.items() if name != "Id"}
            said = self.call("SendMessageBatch", {"QueueUrl": QueueUrl, **body})
            answer["Failed" if "Code" in said else "Successful"].append({"Id": entry["Id"], **said})
        return answer

    def change_message_visibility(self, **asked: Any) -> dict:
        return self.call("ChangeMessageVisibility", asked)
