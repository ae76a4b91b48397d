"""What became of a round: the faults it had, what was seen of its batches, and what was found."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.chaos.batches import Spec
from tests.chaos.checker import Finding, judge
from tests.chaos.evidence import Evidence
from tests.chaos.stage import Stage


@dataclass
class Outcome:
    """`report` is the fault plan with its counts. There is evidence for each batch, and for each redrive of one."""

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
        stage.look()
        stage.consumer.listen()
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
            f"{evidence.name} ({evidence.architecture}): {finding.column}: {finding.text}"
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
