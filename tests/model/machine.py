"""The protocol as a Hypothesis state machine: whatever can happen in a run happens in any order."""

import sys
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.model import queues
from tests.model.lambdas import surroundings
from tests.model.run import FAULTS, Run
from tests.model.world import Scale

PICK = st.integers(min_value=0, max_value=1000)
# Of a batch by name, and of two that a schedule starts.
REQUESTS = [("one", False), ("20261123T060000Z", True), ("20261123T120000Z", True)]
# So many of each in a run at most: most of a run is to be about what becomes of them.
MOST = {"requests": 3, "cancels": 2, "redrives": 2, "given up": 1, "duplicates": 4, "lost deletes": 4}

SCALES = st.builds(
    Scale,
    items=st.integers(0, 7),
    items_per_chunk=st.integers(1, 3),
    chunks_per_segment=st.integers(1, 3),
    chunks_per_window=st.integers(1, 2),
    shards=st.integers(1, 2),
    max_attempts=st.integers(1, 3),
    deadline=st.sampled_from([90, 600, 7200]),
    function_timeout=st.sampled_from([20, 60]),
    check_interval=st.sampled_from([5, 60]),
    stall_after=st.sampled_from([30, 900]),
    page_size=st.integers(1, 3),
    chunks_per_invocation=st.integers(1, 3),
    tolerated_failures=st.sampled_from([0, 50, 100]),
    fail_rate=st.sampled_from([0.0, 0.0, 0.4]),
    overlap=st.sampled_from(["allow", "skip"]),
)


@dataclass
class Totals:
    """What all runs together did: rules applied, calls carried out, how batches ended, and what went wrong."""

    runs: int = 0
    steps: int = 0
    calls: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def clear(self) -> None:
        """Count from the start."""
        self.__init__()  # type: ignore[misc]


TOTALS = Totals()


class Protocol(RuleBasedStateMachine):
    """Rules take numbers and mean "one of those there are", so that they nearly always apply."""

    @initialize(scale=SCALES)
    def begin(self, scale: Scale) -> None:
        self.surroundings = surroundings(scale)
        self.surroundings.__enter__()
        self.run = Run(scale)
        self.happened: Counter[str] = Counter()
        self.is_asked_for(REQUESTS[0])

    def teardown(self) -> None:
        TOTALS.runs += 1
        TOTALS.calls += self.run.calls
        try:
            # Not after a violation, which would be hidden by what comes of it.
            if not sys.exc_info()[0]:
                self.run.settle()
                TOTALS.endings.update(map(str, self.run.world.guarantees.statuses.values()))
                TOTALS.faults.update(self.run.faults)
        finally:
            for invocation in self.run.live.values():
                invocation.kill()
            self.surroundings.__exit__(None, None, None)

    def may(self, name: str) -> bool:
        return self.happened[name] < MOST[name]

    def live(self) -> list[int]:
        return sorted(self.run.live)

    # What goes well

    @precondition(lambda self: self.run.world.visible())
    @rule(pick=PICK, count=st.integers(1, 3), steps=st.integers(0, 6))
    def messages_arrive(self, pick: int, count: int, steps: int) -> None:
        TOTALS.steps += 1
        visible = self.run.world.visible()
        first = visible[pick % len(visible)]
        others = [message for message in visible if message.queue == first.queue and message is not first]
        self.run.go_on(self.run.deliver([first, *others[: count - 1]]), steps)

    @precondition(lambda self: self.run.live)
    @rule(pick=PICK, steps=st.integers(1, 6))
    def one_goes_on(self, pick: int, steps: int) -> None:
        TOTALS.steps += 1
        self.run.go_on(self.live()[pick % len(self.run.live)], steps)

    @precondition(lambda self: self.run.live)
    @rule(pick=PICK)
    def one_goes_on_to_its_end(self, pick: int) -> None:
        TOTALS.steps += 1
        self.run.go_on(self.live()[pick % len(self.run.live)], sys.maxsize)

    @precondition(lambda self: self.run.world.messages)
    @rule(rounds=st.integers(1, 12))
    def all_go_on(self, rounds: int) -> None:
        TOTALS.steps += 1
        for _ in range(rounds):
            self.run.go_round()

    @rule(milliseconds=st.sampled_from([1, 1_500, 11_000, 61_000, 400_000, None]))
    def time_passes(self, milliseconds: int | None) -> None:
        TOTALS.steps += 1
        due = min((m.visible_at for m in self.run.world.messages.values()), default=self.run.world.now)
        self.run.wait(max(0, due - self.run.world.now) if milliseconds is None else milliseconds)

    # What goes wrong

    @precondition(lambda self: self.run.live)
    @rule(pick=PICK, fault=st.sampled_from(FAULTS))
    def a_call_goes_wrong(self, pick: int, fault: str) -> None:
        TOTALS.steps += 1
        self.run.step(self.live()[pick % len(self.run.live)], fault)

    @precondition(lambda self: self.may("lost deletes") and self.run.live)
    @rule(pick=PICK)
    def a_delete_is_lost(self, pick: int) -> None:
        TOTALS.steps += 1
        self.happened["lost deletes"] += 1
        self.run.end_without_deletes(self.live()[pick % len(self.run.live)])

    @precondition(lambda self: self.run.live)
    @rule(pick=PICK, call_takes_effect=st.sampled_from(["never", "now", "late"]))
    def one_dies(self, pick: int, call_takes_effect: str) -> None:
        TOTALS.steps += 1
        self.run.kill(self.live()[pick % len(self.run.live)], call_takes_effect)

    @precondition(lambda self: self.run.late)
    @rule(pick=PICK)
    def a_late_call_takes_effect(self, pick: int) -> None:
        TOTALS.steps += 1
        self.run.take_effect_late(pick % len(self.run.late))

    @precondition(lambda self: self.may("duplicates") and self.run.world.messages)
    @rule(pick=PICK, seconds=st.sampled_from([0, 30, 800]))
    def a_message_comes_twice(self, pick: int, seconds: int) -> None:
        TOTALS.steps += 1
        self.happened["duplicates"] += 1
        messages = sorted(self.run.world.messages.values())
        self.run.duplicate(messages[pick % len(messages)], seconds)

    @precondition(lambda self: self.may("given up") and self.waiting())
    @rule(pick=PICK)
    def an_event_is_given_up(self, pick: int) -> None:
        TOTALS.steps += 1
        self.happened["given up"] += 1
        self.run.give_up(self.waiting()[pick % len(self.waiting())])

    def waiting(self) -> list[queues.Message]:
        return [message for message in self.run.world.visible(queues.BATCHER)]

    # What people and schedules do

    @precondition(lambda self: self.may("requests"))
    @rule(request=st.sampled_from(REQUESTS))
    def is_asked_for(self, request: tuple[str, bool]) -> None:
        TOTALS.steps += 1
        self.happened["requests"] += 1
        self.run.request(*request)

    @precondition(lambda self: self.may("cancels") and "OPEN" in self.run.world.guarantees.statuses.values())
    @rule(pick=PICK, nudged=st.booleans())
    def is_cancelled(self, pick: int, nudged: bool) -> None:
        TOTALS.steps += 1
        self.happened["cancels"] += 1
        statuses = self.run.world.guarantees.statuses.items()
        running = sorted(batch for batch, status in statuses if status == "OPEN")
        self.run.cancel(*running[pick % len(running)], nudged)

    @precondition(lambda self: self.may("redrives") and self.run.world.guarantees.statuses)
    @rule(pick=PICK, error=st.sampled_from([None, None, "ItemFails*", "*always*", "no such error"]))
    def is_redriven(self, pick: int, error: str | None) -> None:
        TOTALS.steps += 1
        self.happened["redrives"] += 1
        batches = sorted(self.run.world.guarantees.statuses)
        self.run.redrive(*batches[pick % len(batches)], error)
