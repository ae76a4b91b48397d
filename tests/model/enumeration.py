"""Every interleaving of a small case, one by one: depth first, and never twice from the same state.

A state is the world and, for each invocation under way, what it has been told so far. Handlers are deterministic, so
what an invocation calls next follows from that: it is found out once, by running the handler so far, and remembered.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.records import BatchKey
from handlers.sqs.table import FOREVER, BatchTable
from tests.model import queues
from tests.model.dynamodb import ConditionalCheckFailed, DynamoDBClient
from tests.model.guarantees import Violation, demand, lease_of
from tests.model.lambdas import Lambda
from tests.model.queues import Message
from tests.model.world import START, Call, Scale, World

OUTSIDE = -1
# What nobody can see but by receiving a message later: its order among the others' calls changes nothing.
UNSEEN = {"SendMessage", "SendMessageBatch", "ChangeMessageVisibility", "Invoke"}


class Budget(NamedTuple):
    """What may still go wrong, or be wanted: so many of each, anywhere.

    A deadline passes while the invocations under way go on; a cancel comes with its nudge.
    """

    deaths: int = 0
    duplicates: int = 0
    lost_deletes: int = 0
    deadlines: int = 0
    cancels: int = 0


class Script:
    """An invocation at one of its calls, which follows from what it has been `told`; `call` is None at its end."""

    def __init__(self, messages: list[Message], now: int, timeout: int, told: tuple[tuple[Any, int], ...] = ()):
        self.messages, self.now, self.timeout, self.told = messages, now, timeout, told
        self.role = messages[0].queue
        self._next: dict[tuple[int, str], Script] = {}
        invocation = Lambda(messages, now, timeout)
        for outcome, at in told:
            invocation.go_on(outcome, at)
        self.call = invocation.call
        self.deletes = invocation.deletes()
        if self.call:
            invocation.kill()
        self.says = f"{self.role}: {self.call.operation} {str(self.call.asked)[:100]}" if self.call else ""

    def after(self, outcome: Any, now: int) -> "Script":
        """The invocation at its next call, or its end."""
        key = now, repr(getattr(outcome, "response", outcome))
        if key not in self._next:
            self._next[key] = Script(self.messages, self.now, self.timeout, (*self.told, (outcome, now)))
        return self._next[key]


class State(NamedTuple):
    """Where a run can be. `live`: each invocation's number and script."""

    world: World
    live: tuple[tuple[int, Script], ...]
    budget: Budget
    started: int

    def key(self) -> int:
        """The same for states from which the same can happen."""
        return hash((self.world.state(), frozenset(id(script) for _, script in self.live), self.budget))


@dataclass
class Enumeration:
    """Explores everything that can happen from a request on. `most`: invocations at a time, by queue."""

    scale: Scale
    budget: Budget
    most: dict[str, int]
    states: int = 1
    endings: Counter[str] = field(default_factory=Counter)
    _from: array = field(default_factory=lambda: array("L"))
    _to: array = field(default_factory=lambda: array("L"))
    _scripts: dict[tuple, Script] = field(default_factory=dict)

    @property
    def transitions(self) -> int:
        return len(self._to)

    def explore(self, first: World) -> None:
        """Visit every state, and see that the end can be reached from it. Raises Violation with the way to it."""
        start = State(first, (), self.budget, 0)
        seen = {start.key(): 0}
        numbers = [0]
        stack: list[tuple[State, Iterator[tuple[str, State]]]] = [(start, self.moves(start))]
        way: list[str] = ["asked for"]
        while stack:
            try:
                move = next(stack[-1][1], None)
            except Violation as violation:
                raise Violation("\n".join([str(violation), *way])) from violation
            if not move:
                stack.pop()
                way.pop()
                numbers.pop()
                continue
            says, state = move
            key = state.key()
            self._from.append(numbers[-1])
            self._to.append(seen.setdefault(key, len(seen)))
            if self._to[-1] == self.states:
                self.states += 1
                stack.append((state, self.moves(state)))
                way.append(says)
                numbers.append(self._to[-1])
        self._ends_everywhere()

    def _ends_everywhere(self) -> None:
        """No run goes round in circles for ever: there is a way on from every state that has not ended."""
        before: list[list[int]] = [[] for _ in range(self.states)]
        for source, target in zip(self._from, self._to, strict=True):
            before[target].append(source)
        ended = set(range(self.states)).difference(self._from)
        ending = list(ended)
        while ending:
            for state in before[ending.pop()]:
                if state not in ended:
                    ended.add(state)
                    ending.append(state)
        demand(len(ended) == self.states, "G2", f"from {self.states - len(ended)} states there is no way to an end")

    def moves(self, state: State) -> Iterator[tuple[str, State]]:
        """Everything that can happen next, with its name."""
        for index, (_, script) in enumerate(state.live):
            if script.call and script.call.operation in UNSEEN:
                yield from self._of_invocation(state, index)
                return
        moved = False
        for index in range(len(state.live)):
            moved = True
            yield from self._of_invocation(state, index)
        for message in state.world.visible():
            if sum(script.role == message.queue for _, script in state.live) < self.most.get(message.queue, 1):
                moved = True
                yield from self._delivery(state, message)
        if state.budget.duplicates:
            yield from self._duplicates(state)
        if state.budget.deadlines:
            yield from self._deadline(state)
        if state.budget.cancels:
            yield from self._cancel(state)
        if not state.live and not any(comes_first(message) for message in state.world.visible()):
            later = self._later(state)
            if later:
                yield later
            elif not moved:
                state.world.guarantees.at_end()
                self.endings.update(str(status) for status in state.world.guarantees.statuses.values())

    def _of_invocation(self, state: State, index: int) -> Iterator[tuple[str, State]]:
        number, script = state.live[index]
        assert script.call
        says = f"{number} {script.says}"
        world = state.world.copy()
        try:
            outcome = world.carry_out(script.call, number)
        except ConditionalCheckFailed as refused:
            outcome = refused
        others = state.live[:index] + state.live[index + 1 :]
        after = State(world, others, state.budget, state.started)
        yield from self._gone_on(says, after, number, script.after(outcome, world.now))
        if state.budget.deaths:
            budget = state.budget._replace(deaths=state.budget.deaths - 1)
            world = state.world.copy()
            world.guarantees.ended(number)
            if script.role == queues.BATCHER:
                world.failed(script.messages[0])
            yield f"{number} {script.role} dies before {says}", State(world, others, budget, state.started)

    def _gone_on(self, says: str, state: State, number: int, script: Script) -> Iterator[tuple[str, State]]:
        """An invocation has come to its next call, or to its end, and the state has not got it yet."""
        if script.call:
            yield says, State(state.world, (*state.live, (number, script)), state.budget, state.started)
            return
        state.world.guarantees.ended(number)
        if script.role == queues.BATCHER and not script.deletes:
            state.world.failed(script.messages[0])
        if state.budget.lost_deletes and script.deletes:
            budget = state.budget._replace(lost_deletes=state.budget.lost_deletes - 1)
            yield f"{says}, its delete is lost", state._replace(world=state.world.copy(), budget=budget)
        for delete in script.deletes:
            state.world.carry_out(delete, OUTSIDE)
        yield says, state

    def _delivery(self, state: State, message: Message) -> Iterator[tuple[str, State]]:
        world = state.world.copy()
        received = world.receive([message])
        key = (received[0], world.now)
        if key not in self._scripts:
            self._scripts[key] = Script(received, world.now, self.scale.function_timeout)
        says = f"{state.started} {message.queue} starts: {message.body[:80]}"
        after = state._replace(world=world, started=state.started + 1)
        yield from self._gone_on(says, after, state.started, self._scripts[key])

    def _duplicates(self, state: State) -> Iterator[tuple[str, State]]:
        budget = state.budget._replace(duplicates=state.budget.duplicates - 1)
        for message in sorted(state.world.messages.values()):
            world = state.world.copy()
            world.duplicate(message)
            yield f"comes twice: {message.body[:80]}", state._replace(world=world, budget=budget)

    def _deadline(self, state: State) -> Iterator[tuple[str, State]]:
        """The batch's deadline passes while the invocations under way go on."""
        deadline = open_deadline(state.world)
        if deadline and deadline > state.world.now:
            world = state.world.copy()
            world.now = deadline
            budget = state.budget._replace(deadlines=state.budget.deadlines - 1)
            yield "the deadline passes", state._replace(world=world, budget=budget)

    def _cancel(self, state: State) -> Iterator[tuple[str, State]]:
        """Somebody cancels the batch."""
        world = state.world.copy()
        table = BatchTable(
            DynamoDBClient(lambda operation, asked: world.carry_out(Call("dynamodb", operation, asked), OUTSIDE)),
            "table",
        )
        for batch_id, generation in state.world.guarantees.inputs:
            key = BatchKey(batch_id, generation)
            if table.cancel(key, world.now):
                world.send(queues.FINALIZER, FinalizerMessage(key, check=False).body())
                budget = state.budget._replace(cancels=state.budget.cancels - 1)
                yield "is cancelled", state._replace(world=world, budget=budget)

    def _later(self, state: State) -> tuple[str, State] | None:
        """Nothing is under way and nothing but the timer to be received: time passes to what comes next."""
        now = state.world.now
        due = [message.visible_at for message in state.world.messages.values() if message.visible_at > now]
        due += [until for until in segments_leased_until(state.world) if until > now]
        if not due and state.world.messages and not unsealed(state.world):
            due = [until for until in (open_deadline(state.world), announced_until(state.world)) if until > now]
        if not due:
            return None
        late = START + 1000 * (self.scale.deadline + 10 * self.scale.visibility)
        demand(now < late, "G2", f"messages are still on their way: {sorted(state.world.messages.values())}")
        world = state.world.copy()
        # Just past it: a lease that ends then has ended.
        world.now = min(due) + 1
        return "time passes", state._replace(world=world)


def comes_first(message: Message) -> bool:
    """Whether the message is received before time passes: all but the finalizer's timer, which is always there."""
    return message.queue != queues.FINALIZER or '"check"' not in message.body


def open_deadline(world: World) -> int:
    """The deadline of the batch while it is open, else 0."""
    records = (record for record in world.records.values() if record.get("status", {}).get("S") == "OPEN")
    return max((int(record["deadline"]["N"]) for record in records), default=0)


def segments_leased_until(world: World) -> Iterator[int]:
    """When the leases of segments end: just past one the next check invokes a batcher."""
    leases = (lease_of(record) + 1 for key, record in world.records.items() if "#segment#" in key[1])
    return (until for until in leases if until < FOREVER)


def unsealed(world: World) -> bool:
    """Whether a batch is open whose segments are not all made: the next check has a batcher go on with them."""
    return any(
        record.get("status", {}).get("S") == "OPEN" and "segments" in record for record in world.records.values()
    )


def announced_until(world: World) -> int:
    """Until when the winner has time to announce; just past it somebody else may."""
    return max((int(r["announceUntil"]["N"]) + 1 for r in world.records.values() if "announceUntil" in r), default=0)
