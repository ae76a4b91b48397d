"""The plan in force: which calls it met, and what it did to them."""

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.faults.plan import Call, Plan


class ActivePlan:
    """A plan and its counts. Safe to use from every thread; `ended` is set when another plan, or none, takes over."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._numbers: defaultdict[str, list[int]] = defaultdict(list)
        for number, fault in enumerate(plan.faults):
            self._numbers[fault.kind].append(number)
        self._met: Counter[tuple[int, Call]] = Counter()
        self._seen: Counter[int] = Counter()
        self._injected: Counter[int] = Counter()

    def meet(self, call: Call, *kinds: str) -> "Hit | None":
        """Count `call` for every fault of these kinds that matches it; the first of them that hits it, if any does.

        A fault counts the calls of each function, service and operation (each queue, each rule) on its own, so that
        what happens between them does not change its decisions; only its `count` is shared.
        """
        numbers = sorted(number for kind in kinds for number in self._numbers.get(kind, ()))
        return self._meet(call, numbers) if numbers else None

    def meet_one(self, call: Call, number: int) -> "Hit | None":
        """The same for the fault `number` alone."""
        return self._meet(call, [number])

    def _meet(self, call: Call, numbers: Collection[int]) -> "Hit | None":
        hit = None
        with self._lock:
            for number in numbers:
                fault = self.plan.faults[number]
                if not fault.matches(call):
                    continue
                self._seen[number] += 1
                self._met[number, call] += 1
                nth = self._met[number, call]
                left = fault.count is None or self._injected[number] < fault.count
                if hit is None and left and self.plan.strikes(number, nth):
                    self._injected[number] += 1
                    hit = Hit(self, number, nth)
        return hit

    def withdraw(self, number: int) -> None:
        """An injection of fault `number` did not come to pass: it counts for nothing."""
        with self._lock:
            self._injected[number] -= 1

    def report(self) -> dict[str, Any]:
        """The plan as it was given, each fault with `seen` and `injected`, and what was injected of each kind."""
        with self._lock:
            seen, injected = Counter(self._seen), Counter(self._injected)
        by_kind: Counter[str] = Counter()
        for number, fault in enumerate(self.plan.faults):
            by_kind[fault.kind] += injected[number]
        return {
            "seed": self.plan.seed,
            "faults": [
                {**fault.given, "injected": injected[number], "seen": seen[number]}
                for number, fault in enumerate(self.plan.faults)
            ],
            "injected": dict(by_kind),
        }


@dataclass(frozen=True)
class Hit:
    """A fault that hits the `nth` call it met."""

    by: ActivePlan
    number: int
    nth: int

    @property
    def kind(self) -> str:
        return self.by.plan.faults[self.number].kind

    @property
    def settings(self) -> Mapping[str, Any]:
        return self.by.plan.faults[self.number].settings

    def chance(self, purpose: object) -> float:
        """A number in [0, 1) that belongs to this hit."""
        return self.by.plan.chance(self.number, self.nth, purpose)

    def withdraw(self) -> None:
        """It did not come to pass after all."""
        self.by.withdraw(self.number)


class Faults:
    """`active` is what every hook looks at: the plan in force, or None."""

    def __init__(self) -> None:
        self.active: ActivePlan | None = None
        self._lock = threading.Lock()

    def set(self, plan: Plan | None) -> ActivePlan | None:
        """Put a plan in force, from zero, in place of the one before; None: there are no faults any more."""
        with self._lock:
            before, self.active = self.active, ActivePlan(plan) if plan else None
        if before:
            before.ended.set()
        return self.active


FAULTS = Faults()
