"""Bounds the memory of logs: stock LocalStack keeps each event as long as the engine lives, whatever the retention.

CloudWatch Logs deletes what is older than the group's retention; here the oldest events of a group go once there are
too many, and streams that have none left.
"""

from typing import Any

from localstack.utils.patch import patch

MOST_EVENTS = 50_000
"""Of one group: a function's last 15,000 invocations or so, some 20 MB."""


def install(_provider: Any) -> None:
    """Drop the oldest events of a group when it has more than MOST_EVENTS."""
    from moto.logs.models import LogGroup

    @patch(LogGroup.put_log_events)
    def put_log_events(stock: Any, self: LogGroup, *arguments: Any, **named: Any) -> str:
        token: str = stock(self, *arguments, **named)
        drop_oldest(self, MOST_EVENTS)
        return token


def drop_oldest(group: Any, most: int) -> None:
    """Leave the newest events of the group, nine tenths of `most`, if there are more than `most`."""
    if sum(len(stream.events) for stream in group.streams.values()) <= most:
        return
    times = sorted(event.timestamp for stream in group.streams.values() for event in stream.events)
    first = times[-(most * 9 // 10)]
    for stream in group.streams.values():
        stream.events = [event for event in stream.events if event.timestamp >= first]
    # Another one, because somebody may read the present one. An environment that goes on makes its stream again.
    group.streams = {name: stream for name, stream in group.streams.items() if stream.events}
