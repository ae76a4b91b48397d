"""Messages and events that come late, twice or not at all, and event sources that are restarted."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from tests.clock import Clock
from tests.e2e.faults.parts import Inject, name_of, received, rule
from tests.e2e.test_pollers import Consumer
from tests.probes import consistently, eventually

pytest_plugins = ("tests.e2e.executor_deploy",)


def test_a_message_is_delivered_again_although_it_was_deleted(inject: Inject, consumer: Consumer):
    consumer.map()
    report = inject({"kind": "duplicate-message", "queue": consumer.name})
    consumer.send({"name": "m0"})
    first, second = in_order(consumer.wait_for_names(["m0", "m0"]))
    assert (first["receives"], second["receives"]) == ([1], [2])
    assert second["start"] - first["end"] >= 1
    assert report()["injected"] == 1
    eventually(lambda: empty(consumer))


@pytest.mark.real_clock
def test_a_lost_delete_brings_the_message_back_after_its_visibility_timeout(inject: Inject, consumer: Consumer):
    consumer.map()
    report = inject({"kind": "lost-delete", "queue": consumer.name, "count": 1})
    sent = consumer.clock.now_ms() / 1000
    consumer.send({"name": "m0"})
    first, second = in_order(consumer.wait_for_names(["m0", "m0"]))
    assert (first["receives"], second["receives"]) == ([1], [2])
    assert second["start"] - sent >= 5
    assert report()["injected"] == 1
    eventually(lambda: empty(consumer))


def test_a_late_message_is_not_delivered_before_its_time(inject: Inject, consumer: Consumer):
    consumer.map()
    report = inject({"kind": "late-message", "queue": consumer.name, "seconds": 4, "count": 1})
    with consumer.clock.real():  # which would skip to the first before the second is sent
        sent = consumer.clock.now_ms() / 1000
        consumer.send({"name": "m0"})
        consumer.send({"name": "m1"})
    first, second = in_order(consumer.wait_for_names(["m0", "m1"]))
    assert (first["names"], second["names"]) == (["m1"], ["m0"])
    assert second["start"] - sent >= 4
    assert report()["injected"] == 1


def in_order(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(reports, key=lambda report: report["start"])


def injected(report: Callable[[], dict[str, Any]], times: int) -> None:
    assert report()["injected"] == times


def empty(consumer: Consumer) -> None:
    assert consumer.left() == 0


def test_faults_of_a_function_hit_its_event_source_too(inject: Inject, consumer: Consumer):
    consumer.map()
    report = inject({"kind": "error", "function": consumer.name, "operation": "DeleteMessageBatch", "count": 1})
    consumer.send({"name": "m0"})
    consumer.wait_for_names(["m0", "m0"])
    assert report()["injected"] == 1


def test_an_event_source_that_is_restarted_loses_no_message(inject: Inject, consumer: Consumer):
    consumer.map(ScalingConfig={"MaximumConcurrency": 2})
    report = inject({"kind": "restart-pollers", "queue": consumer.name, "every": 0.1})
    names = [f"m{index}" for index in range(40)]
    consumer.send(*[{"name": name, "seconds": 0.1} for name in names])
    consumer.wait_for_names(names)
    assert report()["injected"] >= 10
    consumer.update("Disabled", Enabled=False)
    restarts = report()["injected"]
    consistently(lambda: injected(report, restarts), during=0.5)
    consumer.update("Enabled", Enabled=True)
    consumer.send({"name": "last"})
    consumer.wait_for_names([*names, "last"])


def test_event_sources_are_restarted_by_the_sandboxs_clock(inject: Inject, consumer: Consumer, clock: Clock):
    consumer.map()
    with clock.real():
        report = inject({"kind": "restart-pollers", "queue": consumer.name, "every": 600, "count": 3})
        clock.advance(2 * 600 + 60)
        assert report()["injected"] == 2
        clock.advance(10 * 600)
        assert report()["injected"] == 3
        assert "pollers are restarted" not in str(clock.show()["next"])


@pytest.mark.parametrize(("kind", "times"), [("drop-event", 0), ("double-event", 2)])
def test_a_rule_delivers_an_event_not_at_all_or_twice(
    aws, inject: Inject, queue: str, undo: ExitStack, kind: str, times: int
):
    name = rule(aws, undo, queue, EventPattern=json.dumps({"source": [name_of(queue)]}))
    report = inject({"kind": kind, "rule": name, "count": 1})
    for detail_type in ("first", "second"):
        aws("events").put_events(Entries=[{"Source": name_of(queue), "DetailType": detail_type, "Detail": "{}"}])

        def hit():
            assert report()["injected"] == 1

        eventually(hit)
    events = []

    def came():
        events.extend(received(aws, queue))
        assert len(events) >= times + 1

    eventually(came)
    consistently(lambda: came_more(aws, queue), during=0.5)
    assert sorted(event["detail-type"] for event in events) == ["first"] * times + ["second"]


def came_more(aws, queue: str) -> None:
    assert received(aws, queue) == []


def test_a_schedule_fires_twice_for_the_same_time(aws, inject: Inject, queue: str, undo: ExitStack):
    name = rule(aws, undo, queue, ScheduleExpression="rate(1 minute)")
    report = inject({"kind": "double-schedule", "rule": name, "count": 1})
    events = []

    def fired():
        # It may have fired before the plan was in force.
        events.extend(received(aws, queue))
        assert 2 in Counter(event["time"] for event in events).values()

    eventually(fired, timeout=150, interval=0.5)
    assert len({event["id"] for event in events}) == len(events)
    assert report()["injected"] == 1
