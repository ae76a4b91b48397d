"""Flow: each architecture drawn, with what stands where, and why a batch stands."""

from functools import partial
from typing import Any

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import count
from rollcall.batches.explain import Explanation, explain
from rollcall.batches.sight import Sight
from rollcall.console import words
from rollcall.console.drawing import said
from rollcall.console.flow_drawing import sfn_drawing, sqs_drawing
from rollcall.console.flow_facts import Flow, see_flow
from rollcall.console.page import Asked, Page
from rollcall.console.pages.batches import path_of
from rollcall.console.watch import Overview, Watch

# An explanation reads logs and settings of functions.
EXPLAIN_SLOWER = 5.0


def explanation(watch: Watch, sight: Sight) -> Explanation | None:
    """Why an open batch stands; None before that is known."""
    look = watch.every(f"why {sight.key}", lambda: explain(watch.connection, watch.one(sight.key)), EXPLAIN_SLOWER)
    found: Explanation | None = look.value
    return found


def why(asked: Asked, sight: Sight) -> dict[str, Any] | None:
    """What a page says of why a batch stands; None of one that has ended or moves."""
    stands = words.still_for(asked.watch.history.of(sight.key).points, sight.at)
    if sight.result or not (stands or words.stage(sight) == "stalled"):
        return None
    found = explanation(asked.watch, sight)
    if found is None:
        return None
    command = asked.target.command(found.command) if found.command else None
    return {"sentence": found.sentence, "evidence": found.evidence, "command": command}


def flow(asked: Asked) -> Page:
    """The page."""
    watch = asked.watch
    look = watch.overview()
    overview = look.value or Overview(0, ())
    running = [sight for sight in overview.sights if not sight.result]
    drawings = []
    for architecture in watch.connection.stacks:
        seen = watch.every(f"flow {architecture}", partial(see_flow, watch, architecture))
        here = [sight for sight in running if sight.key.architecture == architecture]
        if seen.value:
            drawings.append((ARCHITECTURE_TITLES[architecture], draw(seen.value, here)))
    shows: dict[str, Any] = {
        "drawings": drawings,
        "running": [
            {
                "sight": sight,
                "path": path_of(sight),
                "stage": words.stage(sight),
                "said": said(sight),
                "why": why(asked, sight),
            }
            for sight in running
        ],
    }
    return Page("flow.html", "Flow", shows, look.error)


def draw(seen: Flow, running: list[Sight]) -> Any:
    """The drawing of one architecture, with the chunks of its running batches."""
    batches = f"{len(running):,} open {'batch' if len(running) == 1 else 'batches'}"
    if seen.architecture == "sqs":
        left = sum(len(sight.chunks.left) for sight in running)
        return sqs_drawing(seen, count(left, "chunk") + " left", batches)
    children = [sight.chunks.children for sight in running if sight.chunks.children]
    runs, waiting = (sum(found) for found in ([each.running for each in children], [each.waiting for each in children]))
    number = "1 child runs" if runs == 1 else f"{runs:,} children run"
    most = max((each.per_child for each in children), default=1)
    each = f"each up to {count(most, 'chunk')}" if most > 1 else ""
    return sfn_drawing(seen, [f"{number}, {waiting:,} wait{'s' if waiting == 1 else ''}", each], batches)
