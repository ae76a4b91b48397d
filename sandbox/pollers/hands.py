"""The messages that event sources have in hand: no jump of the clock ends their visibility timeouts.

These are of real time then, as the deadline of the function that has the messages. If each jump moved them along, there
would be a moment in which the clock has moved and they have not, and the messages would be visible to whoever looks.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from localstack.services.sqs.models import SqsMessage
from localstack.utils.patch import patch

from sandbox.clock.stillness import Run
from sandbox.clock.wall import running_time

_this_thread = threading.local()
_moving = threading.Lock()  # a message from one hand to another


class Hand(Run):
    """A batch that runs, with the messages that it has received; `name` is for people."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._messages: list[Any] = []

    @contextmanager
    def takes(self) -> Iterator[None]:
        """Have in hand what this thread receives meanwhile, and nothing else any more."""
        self.let_go()
        _this_thread.hand = self
        try:
            yield
        finally:
            del _this_thread.hand

    def take(self, message: Any) -> None:
        """Have one more in hand."""
        message.hand, message.in_hand_until = self, running_time() + message.visibility_timeout
        self._messages.append(message)

    def let_go(self) -> None:
        """Have nothing in hand any more: the rest of the messages' visibility timeouts passes by the clock."""
        with _moving:
            for message in self._messages:
                if message.hand is self:  # one whose timeout has ended may be in another hand
                    message.visibility_deadline = time.time() + message.in_hand_until - running_time()
                    message.hand = None
        self._messages.clear()


def install() -> None:
    """Have queues mind which messages are in hand."""
    message_class: Any = SqsMessage
    message_class.hand = None
    is_visible_by_the_clock = message_class.is_visible.fget

    def is_visible(message: Any) -> bool:
        if message.hand is None:
            return is_visible_by_the_clock(message)
        return running_time() >= message.in_hand_until

    message_class.is_visible = property(is_visible)

    @patch(message_class.set_last_received)
    def set_last_received(stock: Any, self: Any, timestamp: float) -> None:
        with _moving:
            stock(self, timestamp)
            self.hand = None
            if hand := getattr(_this_thread, "hand", None):
                hand.take(self)

    @patch(message_class.update_visibility_timeout)
    def update_visibility_timeout(stock: Any, self: Any, timeout: int) -> None:
        stock(self, timeout)
        self.in_hand_until = running_time() + timeout
