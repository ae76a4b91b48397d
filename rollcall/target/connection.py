"""A connection to what a command works on: AWS clients, and what the two stacks made there."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bootstrap.problem import Problem
from bootstrap.stacks import STACK_NAMES, find_stack, outputs_of, parameters_of
from rollcall.target.target import SandboxTarget, Target
from rollcall.terminal.console import stderr
from sandbox.host import control
from sandbox.state import UNKNOWN, Sandbox

if TYPE_CHECKING:
    # boto3 takes half a second to import, for which `rollcall run --help` need not wait.
    from bootstrap.aws import Session

ARCHITECTURE_TITLES = {"sqs": "SQS and DynamoDB", "sfn": "Step Functions"}


@dataclass(frozen=True)
class Stack:
    """A deployed stack: its name, its outputs, and the parameters it was deployed with."""

    name: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]

    @property
    def provisioned_pollers(self) -> int:
        """The most that the processor's event source has; 0 in Lambda's default mode."""
        return int(self.parameters.get("ProvisionedPollers", 0))


class Connection:
    """AWS clients of one sandbox or one account. `endpoint` is None on AWS, `engine` where it is not known."""

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
        """Where this is, for people."""
        return self.endpoint or f"AWS {self.session.region_name}"

    def client(self, service: str) -> Any:
        """The client of `service`, made once."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service, config=self._config)
        return self._clients[service]

    def s3(self, owner: str) -> Any:
        """A client of S3 for buckets of the account `owner`: S3 refuses one that is somebody else's by now."""
        from handlers.aws.bucket_owner import expecting

        return expecting(self.session.client("s3", config=self._config), owner)

    @cached_property
    def stacks(self) -> Mapping[str, Stack]:
        """The stacks that are deployed, by architecture."""
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
    """Connect to the project's sandbox, or to the one at the port asked for. Raises Problem if none answers."""
    from bootstrap import aws

    sandbox = healthy_sandbox(target)
    engine = sandbox.engine if sandbox.engine != UNKNOWN else None
    return Connection(aws.session(sandbox.endpoint), target.suffix, sandbox.endpoint, engine)


def healthy_sandbox(target: SandboxTarget) -> Sandbox:
    """The project's sandbox, or what is at the port asked for; it answers. Raises Problem, SandboxError if not."""
    sandbox = control.find(target.project, target.port)
    if not sandbox:
        raise Problem(
            f"no sandbox {target.project!r} of this checkout is running",
            "start it with `rollcall up`; another engine is used only where its port is asked for, with --port",
        )
    if not sandbox.healthy():
        raise Problem(f"no sandbox answers at {sandbox.endpoint}", "start it with `rollcall up`")
    if sandbox.engine == UNKNOWN:
        stderr.print(
            f"{sandbox.endpoint} is not the sandbox {target.project!r} of this checkout; it is used since its port was "
            "asked for",
            soft_wrap=True,
        )
    return sandbox
