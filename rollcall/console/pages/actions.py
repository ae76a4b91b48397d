"""What can be done: each is a command, which is shown before it is run; what ends or repeats something asks once."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import UploadFile

from bootstrap.problem import Problem
from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import count
from handlers.core.batch import LIMITS, new_batch_id
from rollcall.batches.effects import EFFECT
from rollcall.batches.request import option_of
from rollcall.console.page import Asked, Page
from rollcall.console.pages.batch import key_in, sight_of
from rollcall.console.watch import refuse_other_architecture

type Form = Mapping[str, Any]

# The fields of a batch's form, in their order, with their labels.
FIELDS = {
    "items": "Random items",
    "itemsPerChunk": "Items of a chunk",
    "maxValue": "Longest work of an item, ms",
    "failRate": "Share that always fails",
    "itemConcurrency": "Items of a chunk at a time",
    "maxAttempts": "Attempts",
    "toleratedFailurePercentage": "Failures tolerated, %",
}


def path_of(asked: Asked) -> str:
    """The path of the batch's page."""
    key = key_in(asked)
    return f"/batches/{key.architecture}/{key.batch_id}/{key.generation}"


def cancel(asked: Asked) -> Page:
    """Asks before a batch is cancelled."""
    key = key_in(asked)
    sight, _ = sight_of(asked, key)
    shows = {
        "question": f"Cancel batch {key.batch_id}?",
        "effect": f"{EFFECT[key.architecture].capitalize()}. "
        f"{count(sight.counts.waiting + (sight.counts.unmade or 0), 'item')} would remain, and can be redriven.",
        "command": asked.actions.command(cancel_words(asked)),
        "button": "Cancel the batch",
        "back": path_of(asked),
        "hidden": {},
    }
    return Page("confirm.html", "Cancel a batch", shows)


def cancel_words(asked: Asked) -> list[str]:
    """The command that cancels the batch."""
    key = key_in(asked)
    return ["cancel", key.batch_id, "--architecture", key.architecture, "--no-wait"]


def do_cancel(asked: Asked, _: Form) -> str:
    """Cancel the batch."""
    return f"{path_of(asked)}?ran={asked.actions.run(cancel_words(asked)).id}"


def redrive(asked: Asked) -> Page:
    """Asks before failed and remaining items are run again."""
    key = key_in(asked)
    sight, _ = sight_of(asked, key)
    pattern = asked.query.get("error", "")
    again = sight.counts.failed + sight.counts.waiting
    what = f"the items that failed with “{pattern}”" if pattern else count(again, "item")
    shows = {
        "question": f"Redrive batch {key.batch_id}?",
        "effect": f"Runs {what} again, as generation {key.generation + 1} of the batch."
        + (" The others stay failed." if pattern else ""),
        "command": asked.actions.command(redrive_words(asked, pattern)),
        "button": "Redrive",
        "back": path_of(asked),
        "hidden": {"error": pattern},
    }
    return Page("confirm.html", "Redrive a batch", shows)


def redrive_words(asked: Asked, pattern: str) -> list[str]:
    """The command that redrives the batch, or its items with one error."""
    key = key_in(asked)
    # With its equals sign, because a pattern may begin like an option.
    chosen = [f"--error={pattern}"] if pattern else []
    return ["redrive", key.batch_id, "--architecture", key.architecture, *chosen, "--no-wait"]


def do_redrive(asked: Asked, form: Form) -> str:
    """Redrive the batch."""
    return f"{path_of(asked)}?ran={asked.actions.run(redrive_words(asked, text_of(form, 'error'))).id}"


def text_of(form: Form, name: str) -> str:
    """A text field of a form; empty if it has none."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def start(asked: Asked) -> Page:
    """The form that starts a batch, with the command that it stands for."""
    if not asked.actions.allowed:
        raise Problem("this console only reads", "start it with `rollcall console --aws --write` to act")
    shows = {
        "architectures": ARCHITECTURE_TITLES,
        "fields": {name: (label, *LIMITS[name]) for name, label in FIELDS.items()},
        "command": asked.actions.command(start_words(asked.query)),
    }
    return Page("start.html", "Start a batch", shows)


def start_words(form: Form, place: str | None = None) -> list[str]:
    """The command that the form stands for; `place` is that of the uploaded file. Raises Problem."""
    architecture = text_of(form, "architecture") or "sqs"
    refuse_other_architecture(architecture)
    given = {name: text for name in FIELDS if (text := text_of(form, name).strip())}
    upload = form.get("input")
    name = upload.filename if isinstance(upload, UploadFile) else text_of(form, "input")
    options = [word for field, text in given.items() for word in (option_of(field), text)]
    if deadline := text_of(form, "deadline").strip():
        options += ["--deadline", deadline]
    if name:
        options += ["--input", place or Path(name).name]
    return ["run", architecture, *options, "--no-wait"]


def start_command(asked: Asked) -> str:
    """The command that the form stands for, as it is filled in."""
    return asked.actions.command(start_words(asked.query))


def do_start(asked: Asked, form: Form) -> str:
    """Start the batch. An uploaded file is kept only until it is in S3."""
    upload = form.get("input")
    batch_id = ["--batch-id", new_batch_id(asked.watch.connection.now())]
    with tempfile.TemporaryDirectory(prefix="rollcall-console-") as folder:
        place = None
        if isinstance(upload, UploadFile) and upload.filename:
            file = Path(folder) / Path(upload.filename).name
            place = str(file)
            with file.open("wb") as copy:
                shutil.copyfileobj(upload.file, copy)
        shown = [*start_words(form), *batch_id]
        action = asked.actions.run([*start_words(form, place), *batch_id], shown=shown, patience=None)
    return "/batches?" + urlencode({"ran": action.id})
