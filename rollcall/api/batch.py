"""A batch from its start to its results: for the commands, and for Python programs."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack

from handlers.core.batch import camel_cased, new_batch_id
from handlers.core.reading import AS_IT_IS, Reading
from rollcall.batches.batch import OneBatch, Progress, Result
from rollcall.batches.find import batches_of, find
from rollcall.batches.follow import Show, Watcher, until_ended, until_event
from rollcall.batches.inputs import Inputs
from rollcall.batches.invocation_errors import ErrorLog, InvocationError
from rollcall.batches.redrivable import redrivable
from rollcall.batches.request import check_request, refuse_too_many_items
from rollcall.batches.results import Results, results_of
from rollcall.batches.subscription import Subscription, subscribed
from rollcall.target.connection import Connection


class SettingsOfItems(TypedDict, total=False):
    """The settings of a batch of given items; docs/design.md explains them. None is as if it were not given."""

    items_per_chunk: int | None
    max_value: int | None
    item_concurrency: int | None
    fail_rate: float | None
    max_attempts: int | None
    tolerated_failure_percentage: float | None
    deadline_seconds: int | None


class Settings(SettingsOfItems, total=False):
    """All settings of a batch. Those that are not given are the stack's."""

    items: int | None


def unseen(_: Progress | None, __: Sequence[InvocationError]) -> None:
    """Progress that is not shown."""


@dataclass(frozen=True)
class Batch(OneBatch):
    """One generation of a batch: made by `new`, found by `find`, or the next generation of another by `redrive`.

    `batch_id`, `generation` and `architecture` (`sqs` or `sfn`) name it. `errors` are those of the functions'
    invocations that `wait` and `run` have seen while the batch made no progress: an import that fails, a crash.
    """

    connection: Connection = field(kw_only=True, repr=False, compare=False)
    begin: Callable[[], None] | None = field(default=None, kw_only=True, repr=False, compare=False)
    errors: list[InvocationError] = field(default_factory=list, init=False, repr=False, compare=False)

    @classmethod
    def new(
        cls,
        sandbox: Connection,
        architecture: str,
        *,
        batch_id: str | None = None,
        input: str | Path | Sequence[str | Path] = (),
        reading: Reading = AS_IT_IS,
        **settings: Unpack[Settings],
    ) -> Self:
        """Prepare a batch for the sandbox's stack of `architecture`: nothing runs before `start` or `run`.

        Its items are those of `input`: files, folders, `-` for standard input, or `s3://` places, which are checked
        and uploaded, and read as `reading` says; else those of the work's source.py. Raises Problem for settings or a
        file that would be refused.
        """
        named = [input] if isinstance(input, str | Path) else input
        inputs = Inputs([str(each) for each in named], reading) if named else None
        check_request(architecture, request_of(batch_id, settings), inputs)
        return cls.prepared(sandbox, architecture, batch_id, settings, inputs)

    @classmethod
    def prepared(
        cls,
        connection: Connection,
        architecture: str,
        batch_id: str | None,
        settings: Settings,
        inputs: Inputs | None,
        say: Callable[[str], None] | None = None,
    ) -> Self:
        """A batch whose request has been checked: see `new`. `say` is told how far the upload is.

        Raises Problem for what this stack refuses.
        """
        stack = connection.stack(architecture)
        request = request_of(batch_id or new_batch_id(connection.now()), settings)
        refuse_too_many_items(request, stack)
        if inputs:
            request["input"] = inputs.upload(connection, stack, request["batchId"], say or (lambda _: None))
        batches = batches_of(connection, architecture)
        return cls(batches, request["batchId"], connection=connection, begin=lambda: batches.start(request))

    @classmethod
    def find(
        cls,
        sandbox: Connection,
        batch_id: str,
        architecture: str | None = None,
        generation: int | None = None,
        patience: float = 0,
    ) -> Self:
        """Find a batch, in its latest generation by default, for up to `patience` seconds.

        Raises Problem if there is none, or one in both architectures.
        """
        found = find(sandbox, batch_id, architecture, generation, patience)
        return cls(found.batches, batch_id, found.generation, connection=sandbox)

    def start(self) -> None:
        """Start a batch that `new` has prepared. Raises Problem if there is a batch of its id, or if it runs."""
        if self.begin:
            self.begin()

    def run(self, timeout: float | None = None, show: Show = unseen) -> Result:
        """Start the batch and wait for its Batch Finished event.

        `show` gets the progress, about once a second. Raises NotEnded after `timeout` seconds, when the batch goes on,
        and Problem if the event does not come.
        """
        with self.subscribed() as subscription:
            self.start()
            return self.wait(timeout, show, subscription)

    def subscribed(self) -> AbstractContextManager[Subscription]:
        """Receive the batch's Batch Finished event until the end."""
        event_bus = self.connection.stack(self.architecture).outputs["EventBusName"]
        return subscribed(self.connection, event_bus, self.batch_id, self.generation)

    def wait(
        self, timeout: float | None = None, show: Show = unseen, subscription: Subscription | None = None
    ) -> Result:
        """Wait for the batch's end: for its event with `subscription`, else until its records tell of it.

        Raises as `run` does.
        """
        now = round(self.connection.now().timestamp() * 1000)
        watcher = Watcher(ErrorLog(self.connection, self.architecture), self.batch_id, now)
        try:
            if subscription:
                return until_event(self, subscription, show, watcher, timeout)
            return until_ended(self, show, watcher, timeout)
        finally:
            self.errors[:] = watcher.errors

    def results(self, only: bool = False) -> Results:
        """The results of `only` this generation, or of it and those before. Its `lines()` are read as they are asked.

        Raises Problem while the batch runs, and if its stack collects no results.
        """
        return results_of(self.connection, self, only)

    def cancel(self) -> bool:
        """End the batch early; false if it is already ending. Items that are being processed are finished."""
        return self.batches.cancel(self.batch_id, self.generation)

    def redrive(self, error: str | None = None) -> "Batch":
        """Start the next generation, with the failed and remaining items; `error` is a pattern that selects the failed.

        Raises Problem while the batch runs, and if there is nothing to run again.
        """
        redrivable(self, error)
        following = self.redriven(error)
        following.start()
        return following

    def redriven(self, error: str | None = None) -> "Batch":
        """The next generation, which is not started yet."""
        return Batch(
            self.batches,
            self.batch_id,
            self.generation + 1,
            connection=self.connection,
            begin=lambda: self.batches.redrive(self.batch_id, self.generation, error),
        )


def request_of(batch_id: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a batch request, but those that are None."""
    given = {"batch_id": batch_id, **settings}
    return camel_cased({name: value for name, value in given.items() if value is not None})
