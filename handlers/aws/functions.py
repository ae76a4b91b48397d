"""Lambda: asynchronous invocations."""

import json
from functools import cached_property

from handlers.aws import Client
from handlers.aws.clients import client
from handlers.core.json_text import JsonObject


class Function:
    """A Lambda function, by its name. Its client is made when it is first needed: few invocations need it."""

    def __init__(self, name: str):
        self.name = name

    @cached_property
    def _client(self) -> Client:
        return client("lambda")

    def invoke(self, event: JsonObject) -> None:
        """Have Lambda invoke the function with `event`, whatever becomes of the caller; at least once."""
        self._client.invoke(FunctionName=self.name, InvocationType="Event", Payload=json.dumps(event).encode())
