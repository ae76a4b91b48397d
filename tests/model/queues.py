"""SQS queues as values in memory, with visibility timeouts and delays; and Lambda's own, of events for the batcher."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

# The batcher's is Lambda's queue of the events with which it is invoked. Nobody but Lambda receives from it.
BATCHER, CHUNKS, FINALIZER = "batcher", "chunks", "finalizer"
QUEUES = (BATCHER, CHUNKS, FINALIZER)
TRIES = 3
"""As often Lambda tries an asynchronous invocation; then its OnFailure destination gets a record of it."""
RETRY_SECONDS = 60
"""Lambda waits so long before it tries again, and twice as long the second time."""
LOOP_STOP = 16
"""Lambda stops a chain of calls in which a function has been invoked so often."""
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
    # How often the batcher has been invoked in the chain of calls that led to this message.
    chain: int = 0

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


def record_of(event: Message, cause: str) -> str:
    """What Lambda sends to the OnFailure destination when it gives an event up."""
    context = {"requestId": event.message_id, "condition": "RetriesExhausted", "approximateInvokeCount": TRIES}
    answer = {"errorMessage": cause, "errorType": "Model"}
    return json.dumps({"requestContext": context, "requestPayload": json.loads(event.body), "responsePayload": answer})


def execute(queues: Queues, operation: str, asked: dict, now: int) -> dict:
    """Carry out one call on `queues`: a send of one message, a change of a message's visibility, an invocation."""
    if operation == "Invoke":
        body = asked["Payload"].decode()
        asked = {**asked, "QueueUrl": url_of(BATCHER), "MessageBody": body}
    if operation in (*SENDS, "Invoke"):
        queue = queue_of(asked["QueueUrl"])
        # Ids that follow from what is in the queue: the same queue reached on another way is the same state.
        number = next(n for n in range(len(queues) + 1) if (queue, f"{queue}-{n}") not in queues)
        delay = asked.get("DelaySeconds", 0) * 1000
        chain = asked.get("chain", 0)
        message = Message(queue, f"{queue}-{number}", asked["MessageBody"], now, now + delay, chain=chain)
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
