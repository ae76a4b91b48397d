"""One run of the model: a world, the invocations under way in it, and everything that can happen to them."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from handlers import Permanent
from handlers.aws.sqs import LONGEST_BACK_OFF
from handlers.core.clock import CLOCK_MARGIN_MS
from handlers.core.error_kinds import ErrorPattern
from handlers.core.user_modules import WorkCannotStart
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.records import BatchKey
from handlers.sqs.table import BatchTable
from tests.model import queues
from tests.model.dynamodb import ConditionalCheckFailed, DynamoDBClient
from tests.model.guarantees import demand
from tests.model.lambdas import Hangs, ItemFails, Lambda, Mistake
from tests.model.queues import Message
from tests.model.world import Call, Scale, World

# What can go wrong with a call, other than that its caller dies of it.
FAULTS = ("refused", "lost answer", "retried", "left undone", "stale", "mistake")
# What the work does instead of failing like others do.
WORK_FAULTS = {"left undone": Hangs, "stale": Permanent, "mistake": WorkCannotStart}
# A batch whose record never appears is given up after 15 minutes.
APPEARS_WITHIN = 15 * 60
OUTSIDE = -1
# What a call takes while nothing goes wrong.
ROUND_MS = 5


class Run:
    """A run from a request to the end of everything that came of it."""

    def __init__(self, scale: Scale):
        self.world = World(scale)
        self.scale = scale
        self.live: dict[int, Lambda] = {}
        self.started = 0
        self.calls = 0
        self.longest_chain = 0
        self.faults: Counter[str] = Counter()
        # Calls of dead invocations that were under way: they may still take effect, until the time beside them.
        self.late: list[tuple[Call, int, int]] = []
        self.table = BatchTable(DynamoDBClient(self._from_outside), "table")
        self.log: Callable[[str], object] = lambda line: None

    def _from_outside(self, operation: str, asked: dict) -> Any:
        return self.world.carry_out(Call("dynamodb", operation, asked), OUTSIDE)

    # What people and schedules do

    def request(self, batch_id: str, scheduled: bool = False) -> None:
        """Ask for a batch; asking again is a duplicate."""
        items = frozenset(f"{index:09d}" for index in range(self.scale.items))
        body: dict[str, str] = {"batchId": batch_id}
        if scheduled:
            body = {"detail-type": "Scheduled Event", "time": batch_id}
            batch_id = f"scheduled-{batch_id}"
        self.world.guarantees.expect((batch_id, 1), items)
        self.world.send(queues.BATCHER, json.dumps(body))

    def cancel(self, batch_id: str, generation: int, nudged: bool) -> None:
        """As the operator's command does it, who may be gone before the nudge."""
        key = BatchKey(batch_id, generation)
        if self.table.cancel(key, self.world.now) and nudged:
            self.world.send(queues.FINALIZER, FinalizerMessage(key, check=False).body())

    def redrive(self, batch_id: str, generation: int, error: str | None = None) -> None:
        """Ask for the next generation: that of a batch which has ended, and left something, must come and end too.

        With `error`, a pattern, it must leave alone the failed items that the pattern does not select.
        """
        guarantees, batch = self.world.guarantees, (batch_id, generation)
        kept: frozenset[str] = frozenset()
        if batch in guarantees.finished and (left_over := guarantees.left_over(batch)):
            guarantees.expect((batch_id, generation + 1), left_over)
            kept = self._kept(batch_id, generation, error) if error else kept
        guarantees.spare((batch_id, generation + 1), kept)
        redrive = {"redrive": {"batchId": batch_id, "generation": generation, "error": error}}
        self.world.send(queues.BATCHER, json.dumps(redrive))

    def _kept(self, batch_id: str, generation: int, error: str) -> frozenset[str]:
        ended, pattern = self.table.get_batch(batch_id, generation), ErrorPattern(error)
        assert ended
        failed = ((each["item"]["id"], each["error"]) for each in self.table.failed_items(ended))
        return frozenset(item for item, its_error in failed if not pattern.selects(its_error, item))

    # What SQS and Lambda do

    def batch_size(self, queue: str) -> int:
        """Messages of an invocation, as in the template."""
        return {queues.BATCHER: 1, queues.CHUNKS: self.scale.chunks_per_invocation}.get(queue, 10)

    def deliver(self, messages: list[Message]) -> int:
        """Start an invocation with these messages, which are of one queue; returns its number."""
        number = self.started
        self.started += 1
        received = self.world.receive(messages[: self.batch_size(messages[0].queue)])
        self.log(f"{number} starts: {' '.join(f'{m.queue} {m.body[:60]}' for m in received)}")
        invocation = Lambda(received, self.world.now, self.scale.function_timeout)
        self.live[number] = invocation
        self.longest_chain = max(self.longest_chain, invocation.chain)
        self._next(number, invocation)
        return number

    def _next(self, number: int, invocation: Lambda, deleting: bool = True) -> None:
        """After an invocation has come to its next call, or to its end."""
        if not invocation.call:
            for call in invocation.deletes() if deleting else []:
                self.world.carry_out(call, OUTSIDE)
            self._tried(invocation)
            self._over(number)

    def _tried(self, invocation: Lambda) -> None:
        """After an invocation has ended, or died: Lambda tries an asynchronous one again if it has not succeeded."""
        if invocation.role == queues.BATCHER and invocation.answer is None:
            self.faults["asynchronous invocation failed"] += 1
            self.world.failed(invocation.messages[0])

    def _over(self, number: int) -> None:
        self.world.guarantees.ended(number)
        del self.live[number]

    def duplicate(self, message: Message, seconds: int) -> None:
        """SQS delivers the message once more, after so many seconds, whatever becomes of it."""
        self.faults["duplicate"] += 1
        self.log(f"comes twice: {message.queue} {message.body[:60]}")
        self.world.duplicate(message, seconds)

    def give_up(self, message: Message) -> None:
        """Lambda gives an event of the batcher's up, as after six hours in which it found no room for it."""
        self.faults["given up"] += 1
        self.log(f"is given up: {message.queue} {message.body[:60]}")
        self.world.give_up(message)

    def go_on(self, number: int, steps: int) -> None:
        """Run the invocation on for up to so many calls."""
        while steps and number in self.live:
            self.step(number)
            steps -= 1

    def end_without_deletes(self, number: int) -> None:
        """Run the invocation to its end; the event source's deletes do not happen, and its messages come again."""
        self.faults["lost delete"] += 1
        while number in self.live:
            self.step(number, deleting=False)

    def step(self, number: int, fault: str = "", deleting: bool = True) -> None:
        """Let the invocation's call take effect, or go wrong as `fault` says, and run it to its next call."""
        invocation = self.live[number]
        call = invocation.call
        assert call
        self.calls += 1
        outcome = self._outcome(call, number, fault)
        if fault:
            self.faults[fault] += 1
        self.log(f"{number} {call.operation} {shown(call)} {fault} -> {str(outcome)[:150]}")
        invocation.go_on(outcome, self.world.now)
        self._next(number, invocation, deleting)

    def _outcome(self, call: Call, number: int, fault: str) -> Any:
        if call.service == "work" and fault:
            if fault == "lost answer":
                self.world.carry_out(call, number)
            return WORK_FAULTS.get(fault, ItemFails)(f"the model's: {fault}")
        if fault == "mistake":
            return Mistake("the model's")
        if fault == "left undone":
            return left_undone(call)
        if fault == "refused":
            return unavailable(call)
        try:
            answer = self.world.carry_out(call, number, stale=fault == "stale")
            if fault == "retried":
                if call.operation == "PutEvents":
                    self.world.guarantees.repeat_excused_for(json.loads(call.asked["Entries"][0]["Detail"]))
                answer = self.world.carry_out(call, number)
        except ConditionalCheckFailed as refused:
            answer = refused
        if fault == "lost answer":
            if call.operation == "PutEvents":
                self.world.guarantees.repeat_excused_for(json.loads(call.asked["Entries"][0]["Detail"]))
            return unavailable(call)
        return answer

    def work_meets(self, fault: str) -> None:
        """Let everything go on until an item is worked on, and have its work fail as `fault` says."""
        while not (working := [number for number, at in self.live.items() if at.call and at.call.service == "work"]):
            self.go_round()
        self.step(working[0], fault)

    def kill(self, number: int, call_takes_effect: str) -> None:
        """The invocation's process dies; its call takes effect `never`, `now` or `late`."""
        invocation = self.live[number]
        call = invocation.call
        assert call
        self.log(f"{number} dies at {call.operation} {shown(call)}, which takes effect {call_takes_effect}")
        self.faults[f"death, its call takes effect {call_takes_effect}"] += 1
        invocation.kill()
        if call_takes_effect == "now":
            try:
                self.world.carry_out(call, number)
            except ConditionalCheckFailed:
                self.log("its condition does not hold")
        elif call_takes_effect == "late" and call.service != "work":
            # Leases run past the invocation's deadline for just that.
            self.late.append((call, number, invocation.deadline + CLOCK_MARGIN_MS))
        self._tried(invocation)
        self._over(number)

    def take_effect_late(self, index: int) -> None:
        """A call of a dead invocation reaches its service."""
        call, number, _ = self.late.pop(index)
        self.log(f"late: {number} {call.operation} {shown(call)}")
        try:
            self.world.carry_out(call, number)
        except ConditionalCheckFailed:
            self.log("its condition does not hold")
        self.world.guarantees.ended(number)

    def wait(self, milliseconds: int) -> None:
        """Time passes: Lambda ends every invocation that has reached its timeout."""
        self.world.now += milliseconds
        self.log(f"{milliseconds} ms pass")
        for number, invocation in list(self.live.items()):
            if invocation.deadline <= self.world.now:
                self.kill(number, "never")
        self.late = [entry for entry in self.late if entry[2] > self.world.now]

    # The end

    def settle(self) -> None:
        """Let everything go on without any more faults, until nothing moves. Raises Violation when it never ends."""
        self.log("no more faults")
        self.late.clear()
        healthy_from, limit = self.world.now, self._limit()
        while self.live or self.world.messages:
            self.go_round()
            self.wait(ROUND_MS)
            if not self.live and self.world.messages and not self.world.visible():
                self.wait(min(message.visible_at for message in self.world.messages.values()) - self.world.now)
                left = sorted(self.world.messages.values())
                demand(self.world.now <= limit, "G2", f"messages are still on their way: {left}")
        self.world.guarantees.at_end()
        self._ended_in_time(healthy_from)

    def go_round(self) -> None:
        """What is visible is received, and every invocation makes its next call."""
        for queue in queues.QUEUES:
            if visible := self.world.visible(queue):
                self.deliver(visible)
        for number in list(self.live):
            self.step(number)

    def _bound(self) -> int:
        """In how many milliseconds all must be over, once nothing goes wrong and no deadline is to come."""
        return 1000 * (2 * self.scale.visibility + 2 * self.scale.check_interval + 2 * LONGEST_BACK_OFF)

    def _limit(self) -> int:
        """When the last message must be gone. Requests on their way may still start batches, one after the other."""
        return self.world.now + 1000 * (2 * self.scale.deadline + 2 * APPEARS_WITHIN) + 2 * self._bound()

    def _ended_in_time(self, healthy_from: int) -> None:
        """Every batch has ended within the bound after its deadline, or after the last fault."""
        for record in self.world.records.values():
            if "finishedAt" in record:
                due = max(healthy_from, int(record["deadline"]["N"])) + self._bound()
                demand(int(record["finishedAt"]["N"]) <= due, "G2", f"{record['PK']['S']} ended too late")


def shown(call: Call) -> str:
    """What a call is about, for the log."""
    key = call.asked.get("Key") or call.asked.get("Item") or {}
    if key:
        return f"{key['PK']['S']} {key['SK']['S']} {call.asked.get('UpdateExpression', '')}"
    return str(call.asked)[:160]


def unavailable(call: Call) -> ClientError:
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": "the model's fault"}}, call.operation)


def left_undone(call: Call) -> Any:
    """A batch call's answer for an entry that the service did not take; any other call fails."""
    if call.operation == "BatchWriteItem":
        return {"UnprocessedItems": call.asked["RequestItems"]}
    if call.operation == "SendMessageBatch":
        return {"Code": "InternalError", "SenderFault": False}
    if call.operation == "PutEvents":
        return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "the model's"}]}
    return unavailable(call)
