"""Failures: the failed items of a batch, grouped by their error; redrive one group, or take its rows along."""

from collections.abc import Iterator
from urllib.parse import urlencode

from bootstrap.problem import Problem
from rollcall.batches.batch import OneBatch
from rollcall.batches.failed_rows import FailedRows, ending_of
from rollcall.batches.failure_groups import FailureGroup, group, selected
from rollcall.batches.sight import Key
from rollcall.console.page import Asked, Page
from rollcall.console.pages.batches import path_of
from rollcall.console.watch import Overview, refuse_no_batch

SLOWER = 5.0
SHOWN = 100


def chosen(asked: Asked) -> Key | None:
    """The batch that the query names; None without one. Raises Problem for what is no batch."""
    text = asked.query.get("batch", "")
    return key_in_text(asked, text) if text else None


def key_in_text(asked: Asked, text: str) -> Key:
    """The batch of `sqs/ID` or `sqs/ID/GENERATION`. Raises Problem if there is none."""
    architecture, _, rest = text.partition("/")
    batch_id, _, generation = rest.partition("/")
    refuse_no_batch(architecture, batch_id)
    if generation and not (generation.isdecimal() and generation.isascii()):
        raise Problem(f"{generation!r} is no generation: it is a number from 1")
    latest = asked.watch.latest(architecture, batch_id)
    if latest is None:
        raise Problem(f"there is no batch {batch_id!r} at {asked.watch.connection.place}")
    return Key(architecture, batch_id, int(generation) if generation else latest)


def failures(asked: Asked) -> Page:
    """The groups of one batch, or the batches that have failed items."""
    key = chosen(asked)
    if key is None:
        look = asked.watch.overview()
        overview = look.value or Overview(0, ())
        found = [(path_of(sight), sight) for sight in overview.sights if sight.counts.failed]
        return Page(
            "failures.html", "Failures", {"batches": found, "key": None, "seen": len(overview.sights)}, look.error
        )
    look = asked.watch.every(f"failures {key}", lambda: group(asked.watch.one(key).failed_items()), SLOWER)
    groups: list[FailureGroup] = look.value or []
    sight = asked.watch.batch(key).value
    shows = {
        "key": key,
        "path": f"/batches/{key.architecture}/{key.batch_id}/{key.generation}",
        "groups": groups[:SHOWN],
        "others": len(groups) - SHOWN,
        "total": sum(found.count for found in groups),
        "ended": bool(sight and sight.result),
        "now": asked.watch.now_ms() if groups else 0,
        "encode": lambda pattern: urlencode({"error": pattern}),
        "batch": f"{key.architecture}/{key.batch_id}/{key.generation}",
    }
    return Page("failures.html", f"Failures of {key.batch_id}", shows, look.error)


def failed_rows(asked: Asked) -> tuple[str, Iterator[str]]:
    """A file's name, and its lines: the failed items in the input's own format. Raises Problem without a batch."""
    key = chosen(asked)
    if key is None:
        raise Problem("no batch is named", "choose one on the page of failures")
    one: OneBatch = asked.watch.one(key)
    ending = ending_of(one)
    rows = FailedRows(selected(one.failed_items(), asked.query.get("error") or None), ending == ".csv")
    return f"failed-{key.batch_id}{ending}", iter(rows)
