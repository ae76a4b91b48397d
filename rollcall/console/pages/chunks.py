"""The chunks of a batch: those that are left, a hundred a page, and one with its log lines."""

from typing import Any

from bootstrap.problem import Problem
from rollcall.batches.sight import Sight
from rollcall.console import words
from rollcall.console.page import Asked, Page, number_in
from rollcall.console.pages.batch import key_in, lease, sight_of
from rollcall.target.outputs import functions
from rollcall.terminal.log_lines import readable

PAGE = 100
MOST_PAGES = 10_000
MOST_LINES = 100
# So many pages of the log are read, each of up to 10,000 events: for a person who waits.
LOG_PAGES = 5
LOG_SLOWER = 5.0


def chunks(asked: Asked) -> Page:
    """The chunks that are left, as a table."""
    key = key_in(asked)
    sight, error = sight_of(asked, key)
    number = number_in(asked.query.get("page"), 1, MOST_PAGES)
    left = sight.chunks.left[(number - 1) * PAGE : number * PAGE]
    shows = {
        "path": f"/batches/{key.architecture}/{key.batch_id}/{key.generation}",
        "key": key,
        "total": len(sight.chunks.left),
        "rows": [(sight.chunks.place(chunk.seq), chunk, lease(chunk.lease_until, sight.at)) for chunk in left],
        "number": number,
        "more": len(sight.chunks.left) > number * PAGE,
        "counted": key.architecture == "sfn",
    }
    return Page("chunks.html", f"Chunks of {key.batch_id}", shows, error)


def chunk(asked: Asked) -> Page:
    """One chunk, by its place in the map."""
    key = key_in(asked)
    sight, error = sight_of(asked, key)
    text = asked.query.get("place", "")
    seq = sight.chunks.number_at(int(text)) if text.isdecimal() and text.isascii() else None
    if seq is None or key.architecture == "sfn":
        raise Problem(f"batch {key.batch_id} has no chunk {text!r}, or it is not known which of them it is")
    found = next((left for left in sight.chunks.left if left.seq == seq), None)
    logs = asked.watch.every(f"log of {key} {seq}", lambda: log_lines(asked, sight, seq), LOG_SLOWER)
    shows: dict[str, Any] = {
        "path": f"/batches/{key.architecture}/{key.batch_id}/{key.generation}",
        "key": key,
        "place": text,
        "seq": seq,
        "chunk": found,
        "state": lease(found.lease_until, sight.at) if found else "done",
        "lines": logs.value or [],
    }
    return Page("chunk.html", f"Chunk {text} of {key.batch_id}", shows, error or logs.error)


def log_lines(asked: Asked, sight: Sight, seq: int) -> list[tuple[str, str]]:
    """The time and the text of the processor's latest lines about the chunk."""
    connection = asked.watch.connection
    architecture, batch_id, _ = sight.key
    name = functions(architecture, connection.stack(architecture).outputs)[f"{architecture}.processor"]
    client = connection.client("logs")
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{name}",
        startTime=sight.started_at or 0,
        # The engine of a sandbox sends all events: what they are about is decided below in any case.
        filterPattern=f'{{ $.batch_id = "{batch_id}" && $.seq = {seq} }}',
        PaginationConfig={"MaxItems": LOG_PAGES * 10_000},
    )
    marks = (f'"batch_id":"{batch_id}"', f'"seq":{seq},')
    try:
        events = [
            event
            for page in pages
            for event in page["events"]
            if all(mark in event["message"].replace('": ', '":').replace("}", ",") for mark in marks)
        ]
    except client.exceptions.ResourceNotFoundException:
        return []
    return [
        (words.moment(event["timestamp"], sight.at, exact=True), readable(event["message"].rstrip())[0])
        for event in events[-MOST_LINES:]
    ]
