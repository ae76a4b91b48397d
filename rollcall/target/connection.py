"""The connection to a sandbox or AWS account: boto3 clients, and the two stacks there."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bootstrap.problem import Problem
from bootstrap.stacks import STACK_NAMES, find_stack, outputs_of, parameters_of
from rollcall.target.clock_client import fetch_clock
from rollcall.target.engine_client import NotServed
from rollcall.target.target import SandboxTarget, Target
from rollcall.terminal.console import stderr
from sandbox.host import control
from sandbox.state import UNKNOWN, Sandbox

if TYPE_CHECKING:
    # boto3 takes half a second to import, for which `rollcall run --help` need not wait.
    from bootstrap.aws import Session


@dataclass(frozen=True)
class Stack:
    """A deployed stack with its outputs and parameters."""

    name: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]

    @property
    def provisioned_pollers(self) -> int:
        """The maximum of provisioned pollers of the processor's event source; 0 without provisioned mode."""
        return int(self.parameters.get("ProvisionedPollers", 0))

    @property
    def has_alarms(self) -> bool:
        """Whether its alarms exist."""
        return bool(self.parameters.get("AlarmTopicArn"))

    @property
    def has_dashboard(self) -> bool:
        """Whether its dashboard exists."""
        return self.parameters.get("Dashboard") == "ENABLED"


class Connection:
    """The clients of one sandbox or account. `endpoint` is None on AWS, `engine` is None if it is not known."""

    def __init__(self, session: "Session", suffix: str, endpoint: str | None = None, engine: str | None = None):
        from botocore.config import Config

        # A few quick retries: a person waits for the answer.
        self._config = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, read_timeout=60)
        self.session = session
        self.suffix = suffix
        self.endpoint = endpoint
        self.engine = engine
        self._clients: dict[str, Any] = {}

    @property
    def place(self) -> str:
        """The endpoint or the AWS region, for people."""
        return self.endpoint or f"AWS {self.session.region_name}"

    def now(self) -> datetime:
        """The time there: by the sandbox's clock, which may have been moved, or real time on AWS.

        An engine without a clock has real time, too.
        """
        if self.endpoint:
            with suppress(NotServed):
                return datetime.fromisoformat(fetch_clock(self.endpoint)["now"])
        return datetime.now(UTC)

    def client(self, service: str) -> Any:
        """The client of `service`, which is created once."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service, config=self._config)
        return self._clients[service]

    def s3(self, owner: str) -> Any:
        """Create a client of S3 that accesses only the buckets of the account `owner`."""
        from handlers.aws.bucket_owner import expecting

        return expecting(self.session.client("s3", config=self._config), owner)

    @cached_property
    def stacks(self) -> Mapping[str, Stack]:
        """The deployed stacks by architecture."""
        found = {}
        for architecture, name in STACK_NAMES.items():
            if stack := self._describe(name + self.suffix):
                found[architecture] = stack
        return found

    def stack(self, architecture: str) -> Stack:
        """The stack of `architecture`. Raises Problem if it is not deployed."""
        if architecture not in self.stacks:
            name = STACK_NAMES[architecture] + self.suffix
            raise Problem(
                f"stack {name} is not deployed at {self.place}",
                "deploy it with `rollcall up`" if self.endpoint else None,
            )
        return self.stacks[architecture]

    def _describe(self, name: str) -> Stack | None:
        described = find_stack(self.client("cloudformation"), name)
        if not described or "Outputs" not in described:
            return None
        return Stack(name, outputs_of(described), parameters_of(described))


def connect(target: Target) -> Connection:
    """Connect to the target. Raises Problem if no sandbox answers there."""
    from bootstrap import aws

    if target.aws:
        return Connection(aws.session(None, target.profile, target.region), target.suffix)
    return connect_sandbox(target)


def connect_sandbox(target: SandboxTarget) -> Connection:
    """Connect to the project's sandbox, or to the one at `--port`. Raises Problem if none answers."""
    from bootstrap import aws

    sandbox = healthy_sandbox(target)
    engine = sandbox.engine if sandbox.engine != UNKNOWN else None
    return Connection(aws.session(sandbox.endpoint), target.suffix, sandbox.endpoint, engine)


def healthy_sandbox(target: SandboxTarget) -> Sandbox:
    """Find the project's sandbox, or the one at `--port`. Raises Problem or SandboxError if none answers."""
    sandbox = control.find(target.project, target.port)
    if not sandbox:
        raise Problem(
            f"no sandbox {target.project!r} of this checkout is running",
            "start it with `rollcall up`; another engine is used only if --port names its port",
        )
    if not sandbox.healthy():
        raise Problem(f"no sandbox answers at {sandbox.endpoint}", "start it with `rollcall up`")
    if sandbox.engine == UNKNOWN:
        stderr.print(
            f"{sandbox.endpoint} is not the sandbox {target.project!r} of this checkout; it is used since --port "
            "names its port",
            soft_wrap=True,
        )
    return sandbox
