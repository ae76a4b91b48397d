"""The engines that are measured side by side: each started, with both stacks deployed, and warm."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from bench.batches import Size, Starter, run_batch
from bench.engine import Engine, engine_of, own_engine
from bench.ministack.engine import ministack
from bench.ministack.workarounds import KEEPS_ENVIRONMENTS, work_around
from bootstrap import aws
from bootstrap.deploy import deploy
from rollcall.batches.sfn import SfnBatches
from rollcall.batches.sqs import SqsBatches
from rollcall.target.connection import Connection

# The messages of ten full invocations, so that every environment that the batches use exists before them.
WARM_UP = Size(1_000, 10)

type Progress = Callable[[str], None]


@dataclass(frozen=True)
class Contestant:
    """An engine with both stacks. `deployed` and `ready` are seconds, until both stacks were, since its start."""

    engine: Engine
    connection: Connection
    deployed: float
    ready: float
    at_rest_mb: float
    keeps_environments: bool

    @property
    def name(self) -> str:
        """The engine's name."""
        return self.engine.name

    @cached_property
    def starters(self) -> dict[str, Starter]:
        """What starts its batches, by architecture."""
        return {"sqs": SqsBatches(self.connection), "sfn": SfnBatches(self.connection)}

    def warm_up(self, progress: Progress) -> None:
        """Run a batch through each architecture. Raises Problem."""
        for starter in self.starters.values():
            run_batch(self.connection, starter, WARM_UP, lambda line: progress(f"{self.name}, {line}"))


@contextmanager
def rollcall_engine(progress: Progress) -> Iterator[Contestant]:
    """Start Rollcall's own engine, and stop it at the end. Raises SandboxError and DeployFailed."""
    began = time.monotonic()
    with own_engine(progress) as sandbox:
        connection = Connection(aws.session(sandbox.endpoint), "", sandbox.endpoint, sandbox.engine)
        deployed = deploy_both(connection, progress)
        ready, engine = time.monotonic() - began, engine_of(sandbox)
        yield Contestant(engine, connection, deployed, ready, engine.memory_mb(), keeps_environments=False)


@contextmanager
def ministack_engine(progress: Progress) -> Iterator[Contestant]:
    """Start MiniStack, and stop it at the end. Raises SandboxError and DeployFailed."""
    began = time.monotonic()
    with ministack(progress) as engine:
        connection = Connection(aws.session(engine.endpoint), "", engine.endpoint)
        deployed = deploy_both(connection, lambda line: progress(f"{engine.name}, {line}"))
        work_around(connection)
        ready = time.monotonic() - began
        yield Contestant(engine, connection, deployed, ready, engine.memory_mb(), KEEPS_ENVIRONMENTS)


def deploy_both(connection: Connection, progress: Progress) -> float:
    """Deploy both stacks; returns the seconds. Raises DeployFailed."""
    began = time.monotonic()
    deploy(connection.session, progress=progress)
    return time.monotonic() - began
