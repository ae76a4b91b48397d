"""What a stack's functions may do, and what waits in its queues: the facts that both architectures share."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from handlers.core.error_kinds import kind_of, line_of
from rollcall.batches.invocation_errors import ErrorLog, InvocationError
from rollcall.target.connection import Connection, Stack
from rollcall.target.outputs import functions, words

REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
ITEM_FAILED = "item failed"
# So many pages of the processor's log are looked through.
PAGES = 5
# An error counts if it came within the time of an attempt and of the wait before the next one, and so much more.
MARGIN_SECONDS = 15


@dataclass(frozen=True)
class QueueFacts:
    """Messages in a queue, as SQS estimates them: to be received, received and not yet deleted, and delayed."""

    waiting: int
    in_flight: int
    delayed: int

    @property
    def empty(self) -> bool:
        return not (self.waiting or self.in_flight or self.delayed)


@dataclass(frozen=True)
class SourceFacts:
    """An event source of a function: whether it takes messages, its state for people, and two of its settings.

    `limit`: its MaximumConcurrency. `messages`: the most that an invocation gets.
    """

    enabled: bool
    state: str
    limit: int | None = None
    messages: int | None = None


@dataclass(frozen=True)
class FunctionFacts:
    """A function's reserved concurrency, None without; and its event sources by queue."""

    reserved: int | None = None
    sources: Mapping[str, tuple[SourceFacts, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class StackFacts:
    """Queues by role (`chunk`), functions by role (`processor`); of both those that the caller may look at.

    `item_errors` are the kinds of error of the batch's items with their numbers, most frequent first, and
    `invocation_errors` those of the stack's functions: both of the time that may matter now.
    """

    queues: Mapping[str, QueueFacts] = field(default_factory=dict)
    functions: Mapping[str, FunctionFacts] = field(default_factory=dict)
    item_errors: tuple[tuple[str, int], ...] = ()
    invocation_errors: tuple[InvocationError, ...] = ()

    def no_consumer(self, queue: str) -> str | None:
        """Why no function takes from the queue; None if one does, or it is not known. Never of a queue without one."""
        if queue not in self.queues or not self.functions:
            return None
        consumers = {role: facts.sources[queue] for role, facts in self.functions.items() if queue in facts.sources}
        if not consumers:
            return f"no function has an event source for the {queue} queue"
        for role, sources in consumers.items():
            if not any(source.enabled for source in sources):
                return f"the {role}'s event source for it is {sources[0].state}"
            if stopped := self.stopped(role):
                return stopped
        return None

    def stopped(self, function: str) -> str | None:
        """Why Lambda runs the function not at all; None if it does, or that is not known."""
        if self.reserved(function) != 0:
            return None
        return f"the {function} may not run: its reserved concurrency is 0"

    def reserved(self, function: str) -> int | None:
        """The function's reserved concurrency; None without, or if it is not known."""
        return self.functions[function].reserved if function in self.functions else None

    def limit(self, function: str, queue: str) -> int | None:
        """How many of the function may run at a time for that queue, by event source and function; None if unknown."""
        facts = self.functions.get(function, FunctionFacts())
        limits = [source.limit for source in facts.sources.get(queue, ()) if source.limit]
        return min(filter(None, (*limits, facts.reserved)), default=None)

    def messages(self, function: str, queue: str) -> int | None:
        """The most messages of that queue that an invocation of the function gets; None if unknown."""
        sources = self.functions.get(function, FunctionFacts()).sources.get(queue, ())
        return max((source.messages for source in sources if source.messages), default=None)

    def error_of(self, function: str) -> InvocationError | None:
        """The most frequent error of the function's invocations."""
        return next((error for error in self.invocation_errors if error.role.partition(".")[2] == function), None)

    @property
    def failing_with(self) -> str | None:
        """What items keep failing with: `the same error: KeyError: 'zip'`, or the most frequent of several."""
        if not self.item_errors:
            return None
        [(error, _), *others] = self.item_errors
        return f"the same error: {error}" if not others else f"{len(others) + 1} kinds of error, mostly: {error}"

    def evidence(self) -> dict[str, str]:
        """The facts for people."""
        found = {}
        for role, queue in self.queues.items():
            if not queue.empty:
                counts = {"waiting": queue.waiting, "in flight": queue.in_flight, "delayed": queue.delayed}
                found[f"{role} queue"] = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        for role, facts in self.functions.items():
            if facts.reserved is not None:
                found[f"{role}'s reserved concurrency"] = f"{facts.reserved:,}"
            for name, sources in facts.sources.items():
                for source in sources:
                    limit = f", {source.limit:,} at a time" if source.limit else ""
                    found[f"{role}'s event source of the {name} queue"] = source.state + limit
        if self.item_errors:
            found["errors of items"] = "; ".join(f"{count:,} x {error}" for error, count in self.item_errors[:3])
        for error in self.invocation_errors[:3]:
            found.setdefault("errors of invocations", str(error))
        return found


def gather_stack(connection: Connection, stack: Stack, architecture: str) -> StackFacts:
    """Read what the stack's functions may do and what waits in its queues."""
    sqs, lambdas = connection.client("sqs"), connection.client("lambda")
    urls = {
        words(name.removesuffix("QueueUrl")): url for name, url in stack.outputs.items() if name.endswith("QueueUrl")
    }
    queues: dict[str, QueueFacts] = {}
    arns: dict[str, str] = {}
    for role, url in urls.items():
        with suppress_refusals():
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            counts = (int(found[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed"))
            queues[role], arns[found["QueueArn"]] = QueueFacts(*counts), role
    names = {role.partition(".")[2]: name for role, name in functions(architecture, stack.outputs).items()}
    known: dict[str, FunctionFacts] = {}
    for role, name in names.items():
        with suppress_refusals():
            reserved = lambdas.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
            mappings = lambdas.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
            known[role] = FunctionFacts(reserved, sources_by_queue(mappings, arns))
    # If a function could not be looked at, nobody knows whether it takes from a queue.
    return StackFacts(queues, known if len(known) == len(names) else {})


def sources_by_queue(mappings: list[dict[str, Any]], arns: Mapping[str, str]) -> dict[str, tuple[SourceFacts, ...]]:
    """A function's event sources by the role of the queue, of which `arns` has the ARNs."""
    sources: dict[str, tuple[SourceFacts, ...]] = {}
    for mapping in mappings:
        if queue := arns.get(mapping["EventSourceArn"]):
            limit = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
            enabled = mapping["State"] not in ("Disabled", "Disabling")
            facts = SourceFacts(enabled, mapping["State"], limit, mapping.get("BatchSize"))
            sources[queue] = (*sources.get(queue, ()), facts)
    return sources


def with_errors(
    facts: StackFacts, connection: Connection, stack: Stack, architecture: str, batch_id: str, started_at: int, now: int
) -> StackFacts:
    """The facts with the errors of the batch's items and of the stack's functions that may hold the batch up `now`."""
    waits = sum(float(stack.parameters.get(name, 0)) for name in ("ProcessorTimeout", "RetryDelaySeconds"))
    since = max(started_at, now - round(waits + MARGIN_SECONDS) * 1000)
    with suppress_refusals():
        item_errors = errors_of_items(connection, stack.outputs["ProcessorFunctionName"], batch_id, since)
        errors = ErrorLog(connection, architecture).look(batch_id, since)
        return replace(facts, item_errors=item_errors, invocation_errors=errors)
    return facts


@contextmanager
def suppress_refusals() -> Iterator[None]:
    """Pass over what the caller may not read."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in REFUSED:
            raise


def errors_of_items(connection: Connection, processor: str, batch_id: str, since: int) -> tuple[tuple[str, int], ...]:
    """The kinds of error of the batch's items since that time, by the processor's log, most frequent first."""
    logs = connection.client("logs")
    token: dict[str, str] = {}
    found: Counter[str] = Counter()
    for _ in range(PAGES):
        try:
            page = logs.filter_log_events(
                logGroupName=f"/aws/lambda/{processor}", startTime=since, filterPattern=f'"{ITEM_FAILED}"', **token
            )
        except logs.exceptions.ResourceNotFoundException:
            break
        for event in page["events"]:
            # Here the pattern filters nothing: the sandbox sends all lines.
            if ITEM_FAILED not in event["message"]:
                continue
            with suppress(ValueError, KeyError, TypeError):
                line = json.loads(event["message"])
                if line["message"] == ITEM_FAILED and line["batch_id"] == batch_id:
                    found[kind_of(line_of(line["error"]), line["id"])] += 1
        if not (following := page.get("nextToken")):
            break
        token = {"nextToken": following}
    return tuple(found.most_common())
