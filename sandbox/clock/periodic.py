"""LocalStack's periodic tasks, such as the evaluation of alarms, run once after a jump of the clock and then go on.

Stock makes up for each run that it has missed: 20 days of a task of every second keep a thread busy for minutes, and
the clock waits until nothing moves.
"""

import time
from typing import Any

from localstack.utils.patch import patch
from localstack.utils.scheduler import ScheduledTask


def install() -> None:
    """Let no periodic task of this process fall behind."""

    @patch(ScheduledTask.set_next_deadline)
    def set_next_deadline(stock: Any, self: ScheduledTask) -> None:
        stock(self)
        self.deadline = max(self.deadline, time.time())
