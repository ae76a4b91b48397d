"""Faults of EventBridge: a rule's targets get an event not at all or twice, a schedule fires twice.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html#eb-rule-triggered-more-than-once
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from localstack.utils.event_matcher import matches_event

from sandbox.faults.active import FAULTS
from sandbox.faults.plan import Call
from sandbox.loading import when_loaded

_firing: ContextVar[str | None] = ContextVar("the time of the schedule that fires", default=None)


def install() -> None:
    """Hook into EventBridge when this engine loads it."""
    when_loaded("events", lambda provider: _hook(type(provider)))


def _hook(provider: Any) -> None:
    from localstack.services.events import provider as module

    stock_rules, stock_job, stock_timestamp = (
        provider._process_rules,
        provider._get_scheduled_rule_job_function,
        module.timestamp,
    )

    def process_rules(self: Any, rule: Any, region: str, account: str, event: Any, trace: Any) -> None:
        active = FAULTS.active
        times = 1
        if active and matches_event(rule.event_pattern, event):
            hit = active.meet(Call(rule=rule.name), "drop-event", "double-event")
            times = {"drop-event": 0, "double-event": 2}[hit.kind] if hit else 1
        for _ in range(times):
            stock_rules(self, rule, region, account, event, trace)

    def job(self: Any, account: str, region: str, rule: Any) -> Callable[..., None]:
        fire = stock_job(self, account, region, rule)

        def fire_as_planned(*args: Any, **kwargs: Any) -> None:
            active = FAULTS.active
            if active is None or not active.meet(Call(rule=rule.name), "double-schedule"):
                fire(*args, **kwargs)
                return
            # Two events with ids of their own, for one and the same time. This thread ends with them.
            _firing.set(stock_timestamp(format=module.TIMESTAMP_FORMAT_TZ))
            fire(*args, **kwargs)
            fire(*args, **kwargs)

        return fire_as_planned

    def timestamp(*args: Any, **kwargs: Any) -> str:
        return _firing.get() or stock_timestamp(*args, **kwargs)

    provider._process_rules = process_rules
    provider._get_scheduled_rule_job_function = job
    module.timestamp = timestamp  # type: ignore[assignment]
