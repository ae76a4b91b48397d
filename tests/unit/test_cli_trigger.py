"""The event that stands for the schedule's."""

from datetime import UTC, datetime

from handlers.core.batch import BatchRequest, batch_id_of
from rollcall.commands.trigger import scheduled_event

RULE = "arn:aws:events:us-east-1:000000000000:rule/SqsBatchProcessing-ScheduleRule"
EVENT = scheduled_event(RULE, datetime(2026, 11, 23, 6, 0, 0, 999_000, tzinfo=UTC), "an-id")


def test_event_is_what_eventbridge_sends_for_a_schedule() -> None:
    assert EVENT == {
        "version": "0",
        "id": "an-id",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": "2026-11-23T06:00:00Z",
        "region": "us-east-1",
        "resources": [RULE],
        "detail": {},
    }


def test_batchers_take_it_and_name_the_batch_after_its_time() -> None:
    assert BatchRequest.parse(EVENT) == BatchRequest()
    assert batch_id_of(EVENT, fallback="unused") == "scheduled-20261123T060000Z"
