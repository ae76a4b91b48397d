"""The process of your code: imports it, runs it on the items that it is told, and reports what became of each."""

import contextvars
import gc
import inspect
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NoReturn

from handlers.aws import settings
from handlers.aws.work_environment import prepare
from handlers.core.event_loop import end_tasks_left
from handlers.core.json_text import Item
from handlers.core.outcome import InvalidResult, checked_result, refuse_promise
from handlers.core.run_items import LOOP, Failure, ItemRun, failure_of, is_async
from handlers.core.user_frames import whole_traceback
from handlers.core.user_modules import WorkCannotStart
from handlers.worker.board import DONE, TOLD, Board
from handlers.worker.family import let_go_of_connections, tie_to_parent
from handlers.worker.messages import Command, Outcomes, received

# Exit codes that tell the function's process what was wrong.
PIPES_LOST = 171
OWN_MISTAKE = 172


class Work:
    """Your `process` and `process_chunk`; each stands in for the other. Raises WorkCannotStart if there is neither."""

    def __init__(self, module: Any):
        self.process_chunk: Callable[[list[Item]], Any] | None = getattr(module, "process_chunk", None)
        process: Callable[[Item], Any] | None = getattr(module, "process", None)
        if process is None and self.process_chunk is not None:
            process = each_alone(self.process_chunk)
        if process is None:
            raise WorkCannotStart("work.py has neither a function `process` nor a function `process_chunk`")
        self.process = process


def each_alone(process_chunk: Callable[[list[Item]], Any]) -> Callable[[Item], Any]:
    """`process` for work that has only a `process_chunk`."""

    def process(item: Item) -> Any:
        return the_only(entries_of(process_chunk([item]), 1))

    async def process_async(item: Item) -> Any:
        return the_only(entries_of(await process_chunk([item]), 1))

    return process_async if is_async(process_chunk) else process


def entries_of(returned: Any, count: int) -> list[Any]:
    """What `process_chunk` returned, if it is one entry for each item. Raises InvalidResult."""
    if not isinstance(returned, list):
        refuse_promise(returned, "process_chunk")
        raise InvalidResult(f"process_chunk returned {returned!r:.100}, and must return a list, one entry per item")
    if len(returned) != count:
        raise InvalidResult(
            f"process_chunk returned {len(returned)} entries for {count} items: return a result, or an exception, "
            "for each item, in their order"
        )
    return returned


def the_only(entries: list[Any]) -> Any:
    """The result of the only item. Raises the exception that was returned for it."""
    (entry,) = entries
    if isinstance(entry, BaseException):
        raise entry
    return entry


class RequestId(logging.Filter):
    """Gives log records the id of the present invocation. The runtime's own filter knows only that of the fork."""

    present = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.present
        return True


class Child:
    """Serves one run after another, until the function's process has ended."""

    def __init__(self, commands: int, outcomes: Outcomes, board: Board):
        self._commands = commands
        self._outcomes = outcomes
        self._board = board
        self._pid = os.getpid()
        self._permanent_errors = settings.names("PERMANENT_ERRORS")
        self._keep_values = False

    def serve(self, load_work: Callable[[], Any]) -> None:
        """Import your code, and run it on the items of each command."""
        request_id = take_over_logging()
        try:
            prepare()
            work = Work(load_work())
        except WorkCannotStart as error:
            self._tell(cannot_start=str(error))
            return
        streams = sys.stdout, sys.stderr
        outputs = state_of_outputs(streams)
        self._tell(ready=True, at_once=work.process_chunk is not None, awaited=is_async(work.process))
        while command := received(self._commands):
            # Whatever one item's redirect_stdout has left there: https://github.com/python/cpython/issues/130148
            sys.stdout, sys.stderr = streams
            request_id.present = command.request_id
            os.environ["_X_AMZN_TRACE_ID"] = command.trace_id
            self._keep_values = command.keep_values
            if command.at_once and work.process_chunk:
                self._run_at_once(command, work.process_chunk)
            else:
                self._run(command, work)
            self._tell(over=True)
            if state_of_outputs(streams) != outputs:
                return  # your code has closed them: a fresh process has its own

    def _run(self, command: Command, work: Work) -> None:
        def has_time(longest_ms: int) -> bool:
            return not self._board.stopped and time.monotonic_ns() + longest_ms * 1_000_000 < command.begin_until

        run = ItemRun(command.items, work.process, has_time, self, self._permanent_errors, command.item_seconds)
        run.run(command.concurrency)

    def _run_at_once(self, command: Command, process_chunk: Callable[[list[Item]], Any]) -> None:
        """One call of `process_chunk`. If it raises, nothing is told of the items."""
        places = list(command.items)
        for place in places:
            self.began(place)
        try:
            entries = entries_of(called(process_chunk, list(command.items.values())), len(places))
        except InvalidResult as error:
            entries = [error] * len(places)
        except BaseException as error:  # noqa: BLE001 - your code may raise anything
            self._tell(raised=whole_traceback(error))
            return
        for place, entry in zip(places, entries, strict=True):
            self._take_entry(place, entry)

    def _take_entry(self, place: int, entry: Any) -> None:
        if not isinstance(entry, BaseException):
            try:
                self.done(place, checked_result(entry))
                return
            except InvalidResult as error:
                entry = error
        self.failed(place, failure_of(entry, self._permanent_errors))

    # The report of a run

    def began(self, place: int) -> None:
        self._board.began(place)

    def done(self, place: int, value: Any) -> None:
        if self._keep_values and value is not None:
            self._tell(place=place, value=value)
            self._board.ended(place, TOLD)
        else:
            self._end_copy(0)
            self._board.ended(place, DONE)

    def failed(self, place: int, failure: Failure) -> None:
        self._end_copy(1)
        self._tell(place=place, failure=failure)
        self._board.ended(place, TOLD)

    def _end_copy(self, code: int) -> None:
        """End a process that your code has forked and that came back to us: only the first one goes on."""
        if os.getpid() != self._pid:
            os._exit(code)

    def _tell(self, **message: Any) -> None:
        self._end_copy(0)
        try:
            self._outcomes.tell(**message)
        except OSError:
            os._exit(PIPES_LOST)  # from whatever thread


def called(process_chunk: Callable[[list[Item]], Any], items: list[Item]) -> Any:
    """Call `process_chunk`, and await it if it is declared async. Raises whatever it raises."""
    if not is_async(process_chunk):
        return contextvars.Context().run(process_chunk, items)
    outcome: list[Any] = []
    failure: list[BaseException] = []

    async def call() -> None:
        try:
            returned = process_chunk(items)
            outcome.append(await returned if inspect.isawaitable(returned) else returned)
            await end_tasks_left()
        except BaseException as error:  # noqa: BLE001 - it is raised below
            failure.append(error)

    waiting: list[Coroutine[Any, Any, None]] = [call()]
    LOOP.run(lambda: waiting.pop() if waiting else None, 1)
    if failure:
        raise failure[0]
    return outcome[0]


def take_over_logging() -> RequestId:
    """Give each log line of your code the id of its invocation."""
    request_id = RequestId()
    for handler in logging.getLogger().handlers:
        handler.addFilter(request_id)
    return request_id


def state_of_outputs(streams: Sequence[Any]) -> str:
    """The files that standard output and error are, and whether their streams are closed."""
    try:
        return f"{[os.fstat(number).st_ino for number in (1, 2)]} {[stream.closed for stream in streams]}"
    except (OSError, AttributeError, ValueError) as error:
        return repr(error)


def be_child(parent: int, commands: int, outcomes: int, board: Board, load_work: Callable[[], Any]) -> NoReturn:
    """What the forked process does: everything, to its end. Never returns into the code that has forked it."""
    code = OWN_MISTAKE
    try:
        tie_to_parent(parent)
        let_go_of_connections()
        # An interrupt that your code asks for would come up anywhere.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # What there is now is left alone: going through it would copy the pages that the two processes share.
        gc.freeze()
        Child(commands, Outcomes(outcomes), board).serve(load_work)
        code = 0
    except OSError:
        code = PIPES_LOST
    except BaseException:  # noqa: BLE001 - nothing may reach the code that has forked
        traceback.print_exc()
    finally:
        os._exit(code)
