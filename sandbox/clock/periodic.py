"""LocalStack's periodic tasks, such as the evaluation of alarms, wait for their period after each run.

Stock makes up for each run that a jump of the clock leaves out: 20 days of a task of every second keep a thread busy
for minutes, and the clock waits until nothing moves.
"""

from typing import Any

from localstack.utils.patch import patch
from localstack.utils.scheduler import ScheduledTask


def install() -> None:
    """Let no periodic task of this process fall behind."""

    @patch(ScheduledTask.set_next_deadline)
    def set_next_deadline(stock: Any, self: ScheduledTask) -> None:
        self.fixed_rate = False
        stock(self)
