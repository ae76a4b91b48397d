"""The log lines of one batch: those of the invocations in which a line names it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any


def of_batch(events: Iterable[dict[str, Any]], batch_id: str) -> list[dict[str, Any]]:
    """Of a log group's events, those of the invocations that name the batch, with all that these have printed.

    An invocation that is done without a word of the batch, as most are, names none. An environment has one log stream,
    and runs one invocation at a time.
    """
    names_it = re.compile(rf"(?<![\w.-]){re.escape(batch_id)}(?![\w.-])")
    return [
        event
        for invocation in _invocations(events)
        if any(names_it.search(each["message"]) for each in invocation)
        for event in invocation
    ]


def _invocations(events: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    streams = defaultdict(list)
    for event in events:
        streams[event["logStreamName"]].append(event)
    for stream in streams.values():
        invocation: list[dict[str, Any]] = []
        for event in stream:
            if event["message"].startswith("START RequestId:") and invocation:
                yield invocation
                invocation = []
            invocation.append(event)
        yield invocation
