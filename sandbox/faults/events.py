"""Faults of EventBridge: a rule's targets get an event not at all or twice, a schedule fires twice.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html#eb-rule-triggered-more-than-once
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from localstack.utils.event_matcher import matches_event
from localstack.utils.patch import patch
from localstack.utils.time import TIMESTAMP_FORMAT_TZ
from localstack.utils.time import timestamp as stock_timestamp

from sandbox.faults.active import FAULTS
from sandbox.faults.plan import Call

_firing: ContextVar[str | None] = ContextVar("the time of the schedule that fires", default=None)


def install(events: Any) -> None:
    """Apply the plan in force to each event that a rule matches and to each schedule that fires."""
    from localstack.services.events import provider as module

    @patch(type(events)._process_rules)
    def process_rules(stock: Any, self: Any, rule: Any, region: str, account: str, event: Any, trace: Any) -> None:
        active = FAULTS.active
        times = 1
        if active and matches_event(rule.event_pattern, event):
            hit = active.meet(Call(rule=rule.name), "drop-event", "double-event")
            times = {"drop-event": 0, "double-event": 2}[hit.kind] if hit else 1
        for _ in range(times):
            stock(self, rule, region, account, event, trace)

    @patch(type(events)._get_scheduled_rule_job_function)
    def scheduled_job(stock: Any, self: Any, account_id: str, region: str, rule: Any) -> Callable[..., None]:
        fire = stock(self, account_id, region, rule)

        def fire_as_planned(*args: Any, **kwargs: Any) -> None:
            active = FAULTS.active
            if active and active.meet(Call(rule=rule.name), "double-schedule"):
                # Two events with ids of their own, for one and the same time. This thread ends with them.
                _firing.set(stock_timestamp(format=TIMESTAMP_FORMAT_TZ))
                fire(*args, **kwargs)
            fire(*args, **kwargs)

        return fire_as_planned

    module.timestamp = lambda *args, **kwargs: _firing.get() or stock_timestamp(*args, **kwargs)  # type: ignore[attr-defined]
