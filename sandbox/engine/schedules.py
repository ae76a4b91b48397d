"""EventBridge's schedules fire at their time by the sandbox's clock.

Stock looks once a minute and fires what is due within the next one, whether or not the rule was disabled meanwhile.
"""

import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from crontab import CronTab
from localstack.services.events.models import ValidationException

from sandbox.clock import timers
from sandbox.clock.clock import CLOCK

PERIOD_SECONDS = 0.5
RATE = re.compile(r"rate\(([1-9]\d*) (minute|hour|day)s?\)")
# A week begins with day 1, Sunday, on AWS, and with day 0 in crontab. A number after `/` or `#` is no day.
WEEKDAY, WEEKDAYS = re.compile(r"(?<![/#])[1-7]"), ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}


class Schedules:
    """The rules with a schedule. A rule that is new or enabled anew counts from the moment when it is first seen."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._due: dict[tuple[str, str, int], float] = {}
        self._lock = threading.Lock()
        CLOCK.sources.append(self.due)
        CLOCK.followers.append(lambda _: self.fire())

    def run(self) -> None:
        """Fire what is due, for ever."""
        while True:
            time.sleep(PERIOD_SECONDS)
            self.fire()

    def due(self) -> Iterator[timers.Due]:
        """When each rule fires next."""
        with self._lock:
            self._look()
            for (arn, *_), at in self._due.items():
                yield timers.Due(at, f"the schedule of rule {arn.rpartition('/')[2]} fires")

    def fire(self) -> None:
        """Fire every rule that is due; one that is long overdue, after the machine has slept, fires once."""
        with self._lock:
            rules = self._look()
            now = time.time()
            for key, rule in rules.items():
                if self._due[key] <= now:
                    self._due[key] = next_time(rule.schedule_expression, max(self._due[key], now - 1))
                    job = self._provider._get_scheduled_rule_job_function(rule.account_id, rule.region, rule)
                    timers.Thread(target=job, name="schedule", daemon=True).start()

    def _look(self) -> dict[tuple[str, str, int], Any]:
        """The enabled rules that have a schedule, by what makes them the same schedule as before."""
        from localstack.services.events.models import events_stores

        rules = {
            (rule.arn, rule.schedule_expression, id(rule)): rule
            for _, _, store in list(events_stores.iter_stores())
            for bus in list(store.event_buses.values())
            for rule in list(bus.rules.values())
            if rule.schedule_expression and rule.state != "DISABLED"
        }
        now = time.time()
        self._due = {key: self._due.get(key) or next_time(key[1], now) for key in rules}
        return rules


def next_time(schedule: str, after: float) -> float:
    """When a rule with this `rate(...)` or `cron(...)` fires next, in seconds since 1970.

    Raises ValueError for one that crontab does not know: of AWS's, those with `#` or `W`, and with `L` for a weekday.
    """
    if rate := RATE.fullmatch(schedule):
        return after + int(rate[1]) * SECONDS[rate[2]]
    *fields, weekdays, year = schedule.strip().removeprefix("cron(").removesuffix(")").split()
    named = WEEKDAY.sub(lambda number: WEEKDAYS[int(number[0]) - 1], weekdays)
    cron = CronTab(" ".join((*fields, named, year)))
    moment = datetime.fromtimestamp(after, UTC).replace(tzinfo=None)
    found = cron.next(now=moment, default_utc=True)
    return float("inf") if found is None else after + found


def install(provider: Any) -> None:
    """Fire the rules of `provider` in the place of stock's loop, and refuse those whose times are not known."""
    from localstack.services.events.rule import RuleService
    from localstack.services.events.scheduler import JobScheduler

    stock: Any = RuleService._validate_input

    def validate(event_pattern: object, schedule: str | None, *rest: object) -> None:
        stock(event_pattern, schedule, *rest)
        try:
            if schedule:
                next_time(schedule, time.time())
        except ValueError as error:
            raise ValidationException(
                f"The sandbox cannot tell when {schedule} fires: {error}. It knows rate(...) and cron(...) without "
                "#, W and a weekday's L."
            ) from error

    RuleService._validate_input = staticmethod(validate)  # type: ignore[method-assign,assignment]
    JobScheduler.start = classmethod(lambda cls: cls.instance())  # type: ignore[method-assign,assignment]
    threading.Thread(target=Schedules(provider).run, name="schedules", daemon=True).start()
