"""A round: batches drawn from a seed, run under faults drawn from it, and judged."""

import json
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.chaos.batches import Spec, draw_batches
from tests.chaos.checker import Finding, judge
from tests.chaos.evidence import Evidence
from tests.chaos.faults import Faults
from tests.chaos.plans import draw_plan
from tests.chaos.stage import FUNCTION_TIMEOUT, Stage

SWEEP_SECONDS = 10
# What is still on its way when all batches have ended comes within the queues' visibility timeout.
SETTLE_SECONDS = 6 * FUNCTION_TIMEOUT + 2


@dataclass
class Outcome:
    """What became of a round. `report` is the fault plan with its counts; the lists go by batch."""

    seed: int
    specs: list[Spec]
    report: dict[str, Any]
    evidence: list[Evidence]
    findings: list[list[Finding]]
    seconds: float

    @property
    def well(self) -> bool:
        """Whether nothing was found."""
        return not any(self.findings)

    @property
    def injected(self) -> Counter[str]:
        """How many faults of each kind there were."""
        return Counter({kind: count for kind, count in self.report["injected"].items() if count})

    @property
    def statuses(self) -> Counter[str]:
        """How many batches ended how; `no event` where nothing was heard of one."""
        return Counter(each.published[0].detail["status"] if each.published else "no event" for each in self.evidence)

    def reconsider(self, stage: Stage) -> None:
        """Judge again by what has been seen since."""
        stage.log.read_on()
        lines = stage.log.by_batch()
        self.evidence = [
            replace(
                each,
                lines=lines.get((each.batch_id, each.generation), ()),
                last_heard=stage.log.last_heard,
                published=tuple(stage.observer.heard[each.batch_id, each.generation]),
                heard=tuple(event.detail for event in stage.consumer.heard[each.batch_id, each.generation]),
            )
            for each in self.evidence
        ]
        self.findings = [judge(each) for each in self.evidence]

    def texts(self) -> list[str]:
        """What was found, batch by batch."""
        return [
            f"{evidence.batch_id} ({evidence.architecture}): {finding.column}: {finding.text}"
            for evidence, findings in zip(self.evidence, self.findings, strict=True)
            for finding in findings
        ]

    def keep(self, folder: Path) -> Path:
        """Write down what the round was and what was seen of it; returns the folder."""
        place = folder / f"round-{self.seed}"
        place.mkdir(parents=True, exist_ok=True)
        for name, value in (
            ("plan", self.report),
            ("batches", [asdict(spec) for spec in self.specs]),
            ("evidence", [each.to_json() for each in self.evidence]),
            ("findings", self.texts()),
        ):
            (place / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n")
        lines = [asdict(line) for each in self.evidence for line in each.lines]
        lines.sort(key=lambda line: line["number"])
        (place / "witness.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return place


class Round:
    """One round on a stage."""

    def __init__(self, stage: Stage, faults: Faults, seed: int, batches: int):
        self.stage = stage
        self.faults = faults
        self.seed = seed
        self.specs = draw_batches(seed, batches, stage.scope)
        self.plan = draw_plan(seed, stage.names)
        self.due: dict[str, int] = {}
        self.begun: dict[str, set[str]] = defaultdict(set)
        self.to_cancel = {spec.batch_id for spec in self.specs if spec.cancel_after is not None}
        self.to_repeat = {spec.batch_id for spec in self.specs if spec.again_after is not None}

    def run(self) -> Outcome:
        """Start the batches, see them end, and judge them."""
        began = time.monotonic()
        self.faults.put(self.plan)
        try:
            for spec in self.specs:
                self.due[spec.batch_id] = now_ms() + (spec.deadline_seconds + self.stage.grace_seconds) * 1000
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

    def _see_them_end(self) -> None:
        swept = time.monotonic()
        while waiting := [spec for spec in self.specs if not self._is_over(spec)]:
            self._look(wait=1)
            for spec in waiting:
                self._interfere(spec)
            if any(spec.architecture == "sfn" for spec in waiting) and time.monotonic() - swept > SWEEP_SECONDS:
                self.stage.sweep()
                swept = time.monotonic()

    def _is_over(self, spec: Spec) -> bool:
        return bool(self.stage.observer.heard[spec.batch_id, 1]) or now_ms() > self.due[spec.batch_id]

    def _look(self, wait: int = 0) -> None:
        self.stage.observer.listen(wait)
        self.stage.consumer.listen(0)
        for line in self.stage.log.read_on():
            if line.what == "begin":
                self.begun[line.batch].add(line.item)

    def _interfere(self, spec: Spec) -> None:
        """Cancel the batch or repeat its request, if it is time."""
        begun = len(self.begun[spec.batch_id])
        if spec.batch_id in self.to_repeat and begun >= (spec.again_after or 0):
            self.to_repeat.remove(spec.batch_id)
            self.stage.start(spec)
        if spec.batch_id in self.to_cancel and begun >= (spec.cancel_after or 0) and self.stage.cancel(spec):
            self.to_cancel.remove(spec.batch_id)

    def _let_settle(self) -> None:
        end = time.monotonic() + SETTLE_SECONDS
        while self.stage.queued() and time.monotonic() < end:
            self._look(wait=1)
        self._look()

    def _evidence(self, report: dict[str, Any]) -> list[Evidence]:
        lost = [fault for fault in report["faults"] if fault["kind"] == "lost-answer"]
        lost_answers = sum(fault["injected"] for fault in lost if fault["service"] == "events")
        lost_invokes = sum(fault["injected"] for fault in lost if fault["operation"] == "Invoke")
        found = []
        for spec in self.specs:
            events = self.stage.observer.heard[spec.batch_id, 1]
            found.append(
                Evidence(
                    batch_id=spec.batch_id,
                    architecture=spec.architecture,
                    items=spec.ids,
                    due=self.due[spec.batch_id],
                    failed=self.stage.failed_items(spec),
                    read_whole=not events or self.stage.read_whole(spec, events[0].detail),
                    lost_answers=lost_answers,
                    lost_invokes=lost_invokes,
                )
            )
        return found


def now_ms() -> int:
    return time.time_ns() // 1_000_000
