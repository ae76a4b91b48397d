"""A round: batches drawn from a seed, run under faults drawn from it, and judged."""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.chaos.batches import Spec, draw_batches
from tests.chaos.checker import done_for_good, never_done
from tests.chaos.evidence import Announcement, Evidence
from tests.chaos.outcome import Outcome
from tests.chaos.plans import draw_grouping, draw_plan
from tests.chaos.stage import FUNCTION_TIMEOUT, Stage
from tests.faults import Faults

SWEEP_SECONDS = 10
LOOK_SECONDS = 0.2
# Faults after which the SDK makes a call again that took effect.
LOST = {("lost-answer", None), ("hang", "after")}
# What is still on its way when all batches have ended comes within the queues' visibility timeout.
SETTLE_SECONDS = 6 * FUNCTION_TIMEOUT + 2


@dataclass(frozen=True)
class Awaited:
    """A generation of a batch that was asked for, its deadline from then on, and by when it must have ended."""

    spec: Spec
    generation: int
    deadline: int
    due: int

    @property
    def key(self) -> tuple[str, int]:
        return self.spec.batch_id, self.generation


class Stopped(Exception):
    """The run is to end before the round has."""


class Round:
    """One round on a stage. It raises Stopped once `stop` is set."""

    def __init__(self, stage: Stage, faults: Faults, seed: int, batches: int, stop: threading.Event | None = None):
        self.stop = stop or threading.Event()
        self.stage = stage
        self.faults = faults
        self.seed = seed
        self.specs = draw_batches(seed, batches, stage.scope)
        self.plan = draw_plan(seed, stage.names)
        self.awaited: list[Awaited] = []
        self.begun: dict[str, set[str]] = defaultdict(set)
        self.to_cancel = {spec.batch_id for spec in self.specs if spec.cancel_after is not None}
        self.to_repeat = {spec.batch_id for spec in self.specs if spec.again_after is not None}
        self.to_redrive = {spec.batch_id for spec in self.specs if spec.redrive}

    def run(self) -> Outcome:
        """Start the batches, see them end, and judge them."""
        began = time.monotonic()
        self.stage.group(*draw_grouping(self.seed))
        self.faults.put(self.plan)
        try:
            for spec in self.specs:
                self._await(spec, generation=1)
                self.stage.start(spec)
            self._see_them_end()
            report = self.faults.report()
        finally:
            self.faults.clear()
        self._let_settle()
        outcome = Outcome(self.seed, self.specs, report, self._evidence(report), [], 0)
        outcome.reconsider(self.stage)
        outcome.seconds = time.monotonic() - began
        return outcome

    def _await(self, spec: Spec, generation: int) -> None:
        now = self.stage.clock.now_ms()
        latest_start = now + self.stage.start_seconds[spec.architecture] * 1000
        self.awaited.append(
            Awaited(spec, generation, now + spec.deadline_seconds * 1000, self._due(spec, latest_start))
        )

    def _due(self, spec: Spec, started: int) -> int:
        """By when a batch must have ended that started then."""
        return started + (spec.deadline_seconds + self.stage.grace_seconds[spec.architecture]) * 1000

    def _due_by_its_event(self, awaited: Awaited, events: Sequence[Announcement]) -> int:
        """By when it must have ended, by the start that its event tells, if it may have started late."""
        if not events or not self.stage.start_seconds[awaited.spec.architecture]:
            return awaited.due
        started = datetime.fromisoformat(events[0].detail["startedAt"]).timestamp()
        return min(awaited.due, self._due(awaited.spec, round(started * 1000)))

    def _see_them_end(self) -> None:
        now = 0
        while waiting := [each for each in self.awaited if not self._is_over(each, now)]:
            self.stage.observer.ring_after(SWEEP_SECONDS)
            rang = self._look()
            for each in waiting:
                self._interfere(each)
            if rang:
                now = self.stage.clock.now_ms()
                if any(each.spec.architecture == "sfn" for each in waiting):
                    self.stage.sweep()

    def _is_over(self, awaited: Awaited, now: int) -> bool:
        return bool(self.stage.observer.heard[awaited.key]) or now > awaited.due

    def _look(self) -> bool:
        if self.stop.wait(LOOK_SECONDS):
            raise Stopped
        lines, rang = self.stage.look()
        for line in lines:
            if line.what == "begin":
                self.begun[line.batch].add(line.item)
        return rang

    def _interfere(self, awaited: Awaited) -> None:
        """Cancel the batch, repeat its request, or redrive it once it has ended, if that is to be and it is time."""
        spec, batch_id = awaited.spec, awaited.spec.batch_id
        begun = len(self.begun[batch_id])
        if batch_id in self.to_repeat and begun >= (spec.again_after or 0):
            self.to_repeat.remove(batch_id)
            self.stage.start(spec)
        if batch_id in self.to_cancel and begun >= (spec.cancel_after or 0) and self.stage.cancel(spec):
            self.to_cancel.remove(batch_id)
        events = self.stage.observer.heard[batch_id, 1]
        if batch_id in self.to_redrive and events and events[0].detail["failed"] + events[0].detail["remaining"]:
            self.to_redrive.remove(batch_id)
            self._await(spec, generation=2)
            self.stage.redrive(spec)

    def _let_settle(self) -> None:
        end = self.stage.clock.now_ms() + SETTLE_SECONDS * 1000
        while self.stage.queued() and self.stage.clock.now_ms() < end:
            self._look()
        self._look()

    def _evidence(self, report: dict[str, Any]) -> list[Evidence]:
        lost = [each for each in report["faults"] if (each["kind"], each.get("when")) in LOST]
        lost_answers = sum(fault["injected"] for fault in lost if fault["service"] == "events")
        lost_invokes = sum(fault["injected"] for fault in lost if fault["operation"] == "Invoke")
        lines = self.stage.log.by_batch()
        found: dict[tuple[str, int], Evidence] = {}
        for each in self.awaited:
            before = found.get((each.spec.batch_id, each.generation - 1))
            events = self.stage.observer.heard[each.key]
            found[each.key] = Evidence(
                batch_id=each.spec.batch_id,
                generation=each.generation,
                architecture=each.spec.architecture,
                items=never_done(before) if before else each.spec.ids,
                deadline=each.deadline,
                due=self._due_by_its_event(each, events),
                lines=lines.get(each.key, ()),
                done_before=done_for_good(before) if before else frozenset(),
                failed=self.stage.failed_items(each.spec, each.generation),
                read_whole=not events or self.stage.read_whole(each.spec, events[0].detail),
                lost_answers=lost_answers,
                lost_invokes=lost_invokes,
            )
        return list(found.values())
