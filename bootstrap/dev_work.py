"""What `rollcall dev` watches of a work folder, and how an edit of it goes live."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import watchfiles

from bootstrap.aws import Session, is_sandbox
from bootstrap.bucket import buckets_of
from bootstrap.change_sets import Stacks
from bootstrap.deploy import deploy, silent
from bootstrap.dev import Watched
from bootstrap.stacks import STACK_NAMES, parameters_of
from bootstrap.vendoring import left_out
from bootstrap.work.deployment import WorkDeployment
from bootstrap.work.files import TESTS
from bootstrap.work.record import find_record
from bootstrap.work.work import DOTENV, read_work


def watched_work(session: Session, suffix: str, work: Path, losing: Callable[[str, str], None]) -> Watched:
    """The work folder as `watch` takes it. `losing`: see bootstrap.change_sets.Stacks."""
    return Watched(
        folders=[work],
        overlay=lambda: read_work(work).files,
        check=partial(check, session, suffix, work),
        live=partial(record, session, suffix, work),
        edits=EditFilter(work),
        needs_deployment=partial(is_settings, work=work),
        deploy=partial(deploy_again, session, suffix, work, losing),
    )


class EditFilter(watchfiles.DefaultFilter):
    """Which edits count: in the work folder those of all that is deployed."""

    def __init__(self, work: Path) -> None:
        super().__init__()
        self._work = work

    def __call__(self, change: watchfiles.Change, path: str) -> bool:
        """Whether the edit of `path` is one to deploy."""
        edited = Path(path)
        if not edited.is_relative_to(self._work):
            return super().__call__(change, path)
        inside = edited.relative_to(self._work).parts
        return inside[-1:] == (DOTENV,) or not (inside[:1] == (TESTS,) or any(map(left_out, inside)))


def is_settings(path: Path, work: Path) -> bool:
    """Whether an edited file may change more than the functions' code: rollcall.toml, .env, a template, data."""
    return path.is_relative_to(work.resolve()) and path.suffix != ".py"


def check(session: Session, suffix: str, work: Path) -> None:
    """Raise BadWork for work that cannot run."""
    stacks = stacks_of(session)
    for name in deployed(stacks, suffix):
        architecture = parameters_of(stacks.find(STACK_NAMES[name] + suffix))["CpuArchitecture"]
        WorkDeployment(session, read_work(work), suffix, stacks).check(architecture)
        return


def record(session: Session, suffix: str, work: Path) -> None:
    """Record that the stacks run the work as it is now."""
    stacks = stacks_of(session)
    names = [STACK_NAMES[name] + suffix for name in deployed(stacks, suffix)]
    WorkDeployment(session, read_work(work), suffix, stacks).record(buckets_of(session, silent), names)


def deploy_again(session: Session, suffix: str, work: Path, losing: Callable[[str, str], None]) -> None:
    """Deploy the work to the deployed stacks, with the parameters that they were given."""
    names = deployed(stacks_of(session), suffix)
    runs = find_record(buckets_of(session, silent), STACK_NAMES[names[0]] + suffix) if names else None
    deploy(session, names, runs.parameters if runs else {}, suffix, work=work, losing=losing)


def stacks_of(session: Session) -> Stacks:
    """The session's stacks."""
    return Stacks(session.client("cloudformation"), is_sandbox(session), silent)


def deployed(stacks: Stacks, suffix: str) -> list[str]:
    """The architectures whose stacks are deployed."""
    return [name for name, stack in STACK_NAMES.items() if stacks.describe(stack + suffix)]
