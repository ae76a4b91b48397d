"""The plan in force: the calls that its faults matched, and the ones that they hit."""

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.clock import timers
from sandbox.faults.plan import Call, Plan


class ActivePlan:
    """A plan and its counts, for use from every thread. `ended` is set when another plan, or none, takes its place."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.ended = timers.Event("pollers are restarted")
        self._lock = threading.Lock()
        self._numbers: defaultdict[str, list[int]] = defaultdict(list)
        for number, fault in enumerate(plan.faults):
            self._numbers[fault.kind].append(number)
        self._matched: Counter[tuple[int, Call]] = Counter()
        self._seen: Counter[int] = Counter()
        self._injected: Counter[int] = Counter()

    def meet(self, call: Call, *kinds: str) -> "Hit | None":
        """Count `call` for every fault of these kinds that matches it; return the first fault that hits it, if any.

        A fault counts the calls of each function, service and operation (each queue, each rule) apart, so that other
        calls between them do not change its decisions. Only its `count` is shared.
        """
        numbers = self.numbers(*kinds)
        return self.meet_some(call, numbers) if numbers else None

    def numbers(self, *kinds: str) -> list[int]:
        """The numbers of the plan's faults of these kinds, in their order."""
        return sorted(number for kind in kinds for number in self._numbers.get(kind, ()))

    def meet_some(self, call: Call, numbers: Collection[int]) -> "Hit | None":
        """The same for the faults with these numbers."""
        hit = None
        with self._lock:
            for number in numbers:
                fault = self.plan.faults[number]
                if not fault.matches(call):
                    continue
                self._seen[number] += 1
                self._matched[number, call] += 1
                nth = self._matched[number, call]
                if hit is None and not self._spent(number) and self.plan.strikes(number, nth):
                    self._injected[number] += 1
                    hit = Hit(self, number, nth, fault.kind, fault.settings)
        return hit

    def spent(self, number: int) -> bool:
        """Whether fault `number` was injected as often as its `count` says."""
        with self._lock:
            return self._spent(number)

    def _spent(self, number: int) -> bool:
        count = self.plan.faults[number].count
        return count is not None and self._injected[number] >= count

    def withdraw(self, number: int) -> None:
        """Take back one injection of fault `number`, which had no effect."""
        with self._lock:
            self._injected[number] -= 1

    def report(self) -> dict[str, Any]:
        """The plan as it was given, each fault with `seen` and `injected`, and the injections of each kind."""
        with self._lock:
            seen, injected = Counter(self._seen), Counter(self._injected)
        by_kind = {kind: sum(injected[number] for number in numbers) for kind, numbers in self._numbers.items()}
        faults = [
            {**fault.given, "injected": injected[number], "seen": seen[number]}
            for number, fault in enumerate(self.plan.faults)
        ]
        return {"seed": self.plan.seed, "faults": faults, "injected": by_kind}


@dataclass(frozen=True)
class Hit:
    """A fault of a plan that hits the `nth` call that it matched."""

    active: ActivePlan
    number: int
    nth: int
    kind: str
    settings: Mapping[str, Any]

    def chance(self, purpose: object) -> float:
        """A number in [0, 1) that belongs to this hit."""
        return self.active.plan.chance(self.number, self.nth, purpose)

    def withdraw(self) -> None:
        """Take the hit back: it had no effect."""
        self.active.withdraw(self.number)


class Faults:
    """Holds the plan in force. Every hook reads `active`, which is None without a plan."""

    def __init__(self) -> None:
        self.active: ActivePlan | None = None
        self._lock = threading.Lock()

    def set(self, plan: Plan | None) -> ActivePlan | None:
        """Put a plan in force in place of the one before, with all counts at zero; None ends all faults."""
        with self._lock:
            before, self.active = self.active, ActivePlan(plan) if plan else None
        if before:
            before.ended.set()
        return self.active


FAULTS = Faults()
