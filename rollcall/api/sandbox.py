"""A sandbox with its stacks: for the commands, and for Python programs."""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bootstrap.failures import DeployFailed
from bootstrap.lock import deploying
from bootstrap.parameters import BadParameter
from bootstrap.problem import Problem
from bootstrap.stacks import SANDBOX_PARAMETERS, STACK_NAMES
from bootstrap.vendoring import CannotVendor
from bootstrap.work.place import checked
from rollcall.batches.find import batches_of
from rollcall.target.connection import Connection, connect_sandbox
from rollcall.target.target import SandboxTarget
from sandbox.host import control
from sandbox.settings import DEFAULT_PORT

if TYPE_CHECKING:
    # With them comes boto3, which takes half a second, for which `rollcall up --help` need not wait.
    from bootstrap.aws import Session
    from bootstrap.deploy import StackOutputs

# Of a stack that is created again so many batches are counted, and so many that run are named.
COUNTED_BATCHES, NAMED_BATCHES = 100, 5

type Progress = Callable[[str], None]
type Losing = Callable[[str, str], None]
"""Called with a stack that is to be created again, and why; it may raise Problem to prevent that."""


def silent(_: str) -> None:
    """Progress that is not shown."""


class Sandbox(Connection):
    """A sandbox that runs on this machine, with the stacks of one suffix: made by `start` or `find`.

    `stacks` has those that are deployed, `client(service)` is a boto3 client of the sandbox, `endpoint` is the URL for
    other clients, `engine` is `native` or `docker`, and `now()` is the time by the sandbox's clock.
    """

    def __init__(self, session: "Session", suffix: str, endpoint: str, engine: str | None, project: str) -> None:
        super().__init__(session, suffix, endpoint, engine)
        self.project = project

    @classmethod
    def start(
        cls,
        project: str | None = None,
        port: int | None = None,
        engine: str = "auto",
        suffix: str = "",
        progress: Progress = silent,
    ) -> Self:
        """Use the sandbox of that name, and start it unless it runs.

        Without `project` and `port` these are ROLLCALL_PROJECT's and ROLLCALL_PORT's, else `rollcall`'s and 4566.
        `engine` is `native`, `docker` or `auto`; `progress` is called with every step. Raises SandboxError.
        """
        preparing = threading.Thread(target=prepare, daemon=True)
        preparing.start()
        try:
            project = project or control.project()
            running = control.running(project)
            chosen = running.engine if running and engine == "auto" else control.choose_engine(engine)
            wanted = port or (running.port if running else control.port() or DEFAULT_PORT)
            found = control.start(chosen, wanted, project, progress)
        finally:
            preparing.join()  # a process that ends meanwhile would leave what it unpacks, with a traceback
        from bootstrap import aws

        return cls(aws.session(found.endpoint), suffix, found.endpoint, found.engine, project)

    @classmethod
    def find(cls, project: str | None = None, port: int | None = None, suffix: str = "") -> Self:
        """Use the sandbox of that name, or the one at `port`, which must run. Raises Problem or SandboxError."""
        target = SandboxTarget(project=project or control.project(), port=port or control.port(), suffix=suffix)
        found = connect_sandbox(target)
        assert found.endpoint  # noqa: S101 - every sandbox has one
        return cls(found.session, suffix, found.endpoint, found.engine, target.project)

    def with_suffix(self, suffix: str) -> "Sandbox":
        """The same sandbox with the stacks of another suffix: letters, digits and hyphens."""
        assert self.endpoint  # noqa: S101 - every sandbox has one
        return Sandbox(self.session, suffix, self.endpoint, self.engine, self.project)

    def deploy(
        self,
        work: str | Path | None = None,
        architectures: Iterable[str] = tuple(STACK_NAMES),
        parameters: Mapping[str, str] | None = None,
        progress: Progress = silent,
        lock: AbstractContextManager[None] | None = None,
    ) -> "dict[str, StackOutputs]":
        """Deploy the stacks of these architectures (`sqs`, `sfn`) with a work folder, or with the example.

        A stack that is up to date stays as it is: that takes a second. `parameters` are those of the stacks' contract
        in docs/design.md. `lock` is held meanwhile: by default the one of all commands that deploy to this sandbox.
        Raises Problem: for work that cannot run, if another command deploys, and if batches run that would be lost.
        """
        folder = None if work is None else checked(Path(work), str(work))

        def losing(stack: str, why: str) -> None:
            progress(losses(self, False, stack, why))

        with lock or deploying("a Python program", self.project):
            made = deploy_stacks(self, progress, parameters, architectures, folder, losing)
        self.__dict__.pop("stacks", None)  # cached, as they were
        return made


def prepare() -> None:
    """Import what a deployment needs, compile the handlers, and unpack the SDK's layer."""
    from bootstrap import aws, deploy  # noqa: F401
    from bootstrap.layers import sdk_layer
    from bootstrap.packaging import package

    with suppress(CannotVendor, OSError):  # the deployment will say it
        package()
        sdk_layer(SANDBOX_PARAMETERS["CpuArchitecture"]).unpacked()


def deploy_stacks(
    connection: Connection,
    say: Progress,
    parameters: Mapping[str, str] | None,
    architectures: Iterable[str],
    work: Path | None,
    losing: Losing,
) -> "dict[str, StackOutputs]":
    """Deploy the connection's stacks of these architectures. Raises Problem if that fails."""
    from bootstrap.deploy import deploy

    try:
        return deploy(
            connection.session, architectures, parameters, connection.suffix, progress=say, work=work, losing=losing
        )
    except BadParameter as refused:
        # Each value is valid, but their combination is not.
        raise Problem(f"the parameters of --parameter and rollcall.toml: {refused}") from refused
    except (DeployFailed, CannotVendor) as failure:
        raise Problem(f"the stacks cannot be deployed: {failure}", "see `rollcall logs engine`") from failure


def losses(connection: Connection, lose_batches: bool, stack: str, why: str) -> str:
    """What is lost when the stack is created again. Raises Problem if it runs batches, unless they may be lost."""
    [architecture] = [each for each, name in STACK_NAMES.items() if name + connection.suffix == stack]
    found = batches_of(connection, architecture).recent(COUNTED_BATCHES)
    running = [result.batch_id for result in found if result.status == "OPEN"]
    number = f"{COUNTED_BATCHES} batches or more" if len(found) == COUNTED_BATCHES else f"{len(found)} batches"
    lost = f"{stack} must be deleted and created again, because {why}: that loses {number}"
    lost += f", of which {len(running)} run: {', '.join(running[:NAMED_BATCHES])}" if running else ""
    if running and not lose_batches:
        raise Problem(
            lost, "wait for their ends, or end them with `rollcall cancel BATCH`; `rollcall up --yes` loses them"
        )
    return lost
