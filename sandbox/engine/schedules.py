"""EventBridge's schedules fire at their time by the sandbox's clock.

Stock looks once a minute and fires what is due within the next one, whether or not the rule was disabled meanwhile.
"""

import logging
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from crontab import CronTab

from sandbox.clock import timers
from sandbox.clock.clock import CLOCK

LOG = logging.getLogger(__name__)

PERIOD_SECONDS = 0.5
RATE = re.compile(r"rate\(([1-9]\d*) (minute|hour|day)s?\)")
# AWS's weekdays begin with 1, crontab's with 0: Sunday. A number after `/` or `#` is no day.
WEEKDAYS, WEEKDAY = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), re.compile(r"(?<![/#])([1-7]|[A-Z]{3})(L?)")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
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
        self._due = {key: self._due.get(key) or _first_time(*key[:2], now) for key in rules}
        return rules


def _first_time(rule: str, schedule: str, now: float) -> float:
    try:
        return next_time(schedule, now)
    except ValueError as error:
        LOG.warning("%s never fires here, since the sandbox does not know when %s is: %s", rule, schedule, error)
        return float("inf")


def next_time(schedule: str, after: float) -> float:
    """When a rule with this `rate(...)` or `cron(...)` fires next, in seconds since 1970.

    Raises ValueError for a cron that crontab cannot be told, such as one with `W`.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
    """
    if rate := RATE.fullmatch(schedule):
        return after + int(rate[1]) * SECONDS[rate[2]]
    minute, hour, day, month, weekday, year = schedule.strip().removeprefix("cron(").removesuffix(")").split()
    weekday, _, nth = weekday.partition("#")
    if nth:
        day = f"{7 * int(nth) - 6}-{min(7 * int(nth), 31)}"
    weekday = "6" if weekday == "L" else WEEKDAY.sub(_weekday, weekday)
    month = re.sub("[A-Z]{3}", lambda name: str(1 + MONTHS.index(name[0])), month)
    year = re.sub(r"-2[1-9]\d\d$", "-2099", year)  # crontab's last
    fields = minute, _in_order(hour, 0, 23), day, _in_order(month, 1, 12), _in_order(weekday, 0, 6), year
    cron = CronTab(" ".join(fields))
    moment = datetime.fromtimestamp(after, UTC).replace(tzinfo=None)
    found = cron.next(now=moment, default_utc=True)
    return float("inf") if found is None else after + found


def _weekday(found: re.Match[str]) -> str:
    """A weekday as crontab has it, the last one of a month too."""
    number = int(found[1]) - 1 if found[1].isdecimal() else WEEKDAYS.index(found[1])
    return f"{found[2]}{number}"


def _in_order(field: str, least: int, most: int) -> str:
    """A range that goes round, such as 22-2, as two ranges."""

    def two(found: re.Match[str]) -> str:
        first, last = int(found[1]), int(found[2])
        return found[0] if first <= last else f"{first}-{most},{least}-{last}"

    return re.sub(r"\b(\d+)-(\d+)\b(?!/)", two, field)


def install(provider: Any) -> None:
    """Fire the rules of `provider` in the place of stock's loop."""
    from localstack.services.events.scheduler import JobScheduler

    JobScheduler.start = classmethod(lambda cls: cls.instance())  # type: ignore[method-assign,assignment]
    threading.Thread(target=Schedules(provider).run, name="schedules", daemon=True).start()
