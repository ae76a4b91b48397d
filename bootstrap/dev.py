"""Deploys edits of the handlers and of the work as they are saved."""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from threading import Event

import watchfiles
from botocore.exceptions import BotoCoreError, ClientError

from bootstrap.aws import Session
from bootstrap.bucket import buckets_of
from bootstrap.deploy import publish_code, silent
from bootstrap.failures import DeployFailed
from bootstrap.functions import function_names, update_functions, with_other_code
from bootstrap.packaging import ROOT, BadOverlay, handlers, package
from bootstrap.parameters import BadParameter
from bootstrap.problem import Problem
from bootstrap.stacks import STACK_NAMES, find_stack, outputs_of
from bootstrap.vendoring import CannotVendor

# Editors write a file in several steps: wait for STEP without a change, but at most for DEBOUNCE.
STEP_MS = 50
DEBOUNCE_MS = 400
# Between two looks at whether the sandbox still runs.
LOOK_MS = 1000
# An edit that takes longer says that it is being worked on.
PATIENCE_SECONDS = 2
AWS_ERRORS = (ClientError, BotoCoreError)
REFUSALS = (SyntaxError, BadOverlay, BadParameter, CannotVendor, DeployFailed, Problem, *AWS_ERRORS)


class State(StrEnum):
    """What is told of an edit: perhaps that it is worked on, then one of the others."""

    WORKING = "working"
    LIVE = "live"
    REFUSED = "not live"


class PartlyLive(Exception):
    """Some functions may have the new code, and some the old one."""


type News = Callable[[State, str], None]


def nothing() -> None:
    """Do nothing."""


def never(_: Path) -> bool:
    """No edit."""
    return False


@dataclass(frozen=True)
class Watched:
    """What is watched beside `handlers/`.

    `overlay` is read again for every edit, and `check` raises Problem if it must not go live; `live` is called once it
    is. `edits` tells which edits count. One for which `needs_deployment` holds needs a whole deployment, which `deploy`
    is.
    """

    folders: Collection[Path] = ()
    overlay: Callable[[], Mapping[str, Path]] = dict
    check: Callable[[], None] = nothing
    live: Callable[[], None] = nothing
    edits: Callable[[watchfiles.Change, str], bool] = field(default_factory=watchfiles.DefaultFilter)
    needs_deployment: Callable[[Path], bool] = never
    deploy: Callable[[], object] = nothing


def watch(
    session: Session,
    suffix: str,
    watched: Watched,
    news: News,
    stop: Event | None = None,
    alive: Callable[[], bool] = lambda: True,
) -> None:
    """Make every saved edit live in both stacks, until `stop`, Ctrl-C, or until the sandbox is no longer `alive`.

    `news` gets the state and a line for every edit. The stacks' parameter CodeKey stays: the next deployment compares
    the code of the functions themselves.
    """
    edits = watchfiles.watch(
        *{ROOT / "handlers", *watched.folders}, watch_filter=watched.edits,
        debounce=DEBOUNCE_MS, step=STEP_MS, rust_timeout=LOOK_MS, yield_on_timeout=True, stop_event=stop,
    )  # fmt: skip
    deployment = False
    with ThreadPoolExecutor(max_workers=1) as pool:
        for edit in edits:
            if not edit and not alive():
                return
            paths = edited_files(edit)
            if paths:
                names = ", ".join(sorted({path.name for path in paths}))
                # Until it has succeeded: what else is edited meanwhile may need it.
                deployment = deployment or any(map(watched.needs_deployment, paths))
                work = watched.deploy if deployment else partial(put_live, session, suffix, watched)
                deployment = not tell(names, work, pool, news) and deployment


def edited_files(edit: Collection[tuple[watchfiles.Change, str]]) -> set[Path]:
    """The files of an edit, without those that an editor has made for it and taken away again."""
    made = {path for change, path in edit if change is watchfiles.Change.added}
    return {Path(path).resolve() for _, path in edit if path not in made or Path(path).exists()}


def tell(names: str, work: Callable[[], object], pool: ThreadPoolExecutor, news: News) -> bool:
    """Do the work that makes an edit of the files `names` live, and tell how it goes; returns whether it is live."""
    began = time.monotonic()
    doing = pool.submit(work)
    if wait([doing], PATIENCE_SECONDS).not_done:
        news(State.WORKING, f"{names}: working")
    try:
        doing.result()
    except PartlyLive as error:
        news(State.REFUSED, f"{names}: not live in every function: {error}; save again, or run `rollcall up`")
    except REFUSALS as error:
        hint = f"; {error.hint}" if isinstance(error, Problem) and error.hint else ""
        news(State.REFUSED, f"{names}: not live, the old code stays: {error}{hint}")
    else:
        news(State.LIVE, f"{names}: live in {time.monotonic() - began:.1f} s")
        return True
    return False


def put_live(session: Session, suffix: str, watched: Watched) -> None:
    """Give every function of the deployed stacks the code as it is saved now, and delete all older zips.

    A function that has it already is left alone. Raises SyntaxError for code that Python cannot read, what
    `watched.check` and packaging.package raise, PartlyLive, and AWS's errors.
    """
    overlay = watched.overlay()
    for path in [*handlers(), *overlay.values()]:
        if path.suffix == ".py":
            compile(path.read_bytes(), path, "exec")
    watched.check()
    buckets, cloudformation = buckets_of(session, silent), session.client("cloudformation")
    code = package(overlay)
    place = publish_code(buckets, code)
    found = filter(None, (find_stack(cloudformation, name + suffix) for name in STACK_NAMES.values()))
    names = [each for stack in found for each in function_names(outputs_of(stack))]
    try:
        update_functions(session, with_other_code(session, names, code.zip()), place)
    except AWS_ERRORS as error:
        raise PartlyLive(error) from error
    # They would fill the sandbox. The functions have copies, and the next deployment uploads what is missing.
    buckets.delete("code/", but=place["CodeKey"])
    watched.live()
