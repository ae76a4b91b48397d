"""Messages in the hands of event sources, in the engine's own queues: whose time their visibility timeouts have."""

from collections.abc import Iterator
from typing import Any

import pytest
from localstack.services.sqs.models import FifoQueue, StandardQueue

from sandbox.clock import wall
from sandbox.clock.clock import CLOCK
from sandbox.pollers import hands
from sandbox.pollers.hands import Hand

DAY, TIMEOUT = 86_400, 60


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    """This process's clock goes back at the end."""
    yield
    CLOCK._shared[0] = 0


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    """Queues of this process mind which messages are in hand."""
    hands.install()


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds by which real time is moved on, for hands alone."""
    moved = [0.0]
    monkeypatch.setattr(hands, "running_time", lambda: wall.running_time() + moved[0])
    return moved


def jump(seconds: float) -> None:
    CLOCK._shared[0] += round(seconds * 1e9)


@pytest.fixture(params=[StandardQueue, FifoQueue])
def queue(request: pytest.FixtureRequest) -> Any:
    """A queue with one message."""
    fifo = request.param is FifoQueue
    queue = request.param(f"hands{'.fifo' if fifo else ''}", "us-east-1", "000000000000")
    queue.attributes["VisibilityTimeout"] = str(TIMEOUT)
    only_fifo = {"message_group_id": "group", "message_deduplication_id": "one"} if fifo else {}
    queue.put({"Body": "a body", "MessageId": "one"}, **only_fifo)
    return queue


def visible(queue: Any) -> bool:
    """Whether a check of the queue at this moment finds the message visible; it is received then."""
    queue.requeue_inflight_messages()
    return bool(queue.receive(1).successful)


def take(queue: Any, hand: Hand) -> str:
    """Have the message in hand; return its receipt handle."""
    queue.requeue_inflight_messages()
    with hand.takes():
        [handle] = queue.receive(1).receipt_handles
    return handle


def test_a_jump_makes_a_clients_message_visible_at_once(queue):
    queue.receive(1)
    assert not visible(queue)
    jump(DAY)
    assert visible(queue)


def test_at_no_moment_of_a_jump_is_a_message_in_hand_visible(queue):
    handle = take(queue, Hand("batch"))
    jump(DAY)  # and nothing has followed it yet
    assert not visible(queue)
    queue.remove(handle)
    assert not queue.inflight


def test_the_visibility_timeout_of_a_message_in_hand_ends_by_real_time(queue, real: list[float]):
    take(queue, Hand("slow"))
    real[0] = TIMEOUT - 1
    assert not visible(queue)
    real[0] = TIMEOUT + 1
    assert visible(queue)


def test_what_remains_of_the_timeout_passes_by_the_clock_when_the_hand_lets_go(queue, real: list[float]):
    hand = Hand("failed")
    take(queue, hand)
    jump(DAY)
    real[0] = TIMEOUT - 10
    hand.let_go()
    jump(8)
    assert not visible(queue)
    jump(3)
    assert visible(queue)


def test_a_function_may_change_the_timeout_of_a_message_in_its_hand(queue, real: list[float]):
    queue.update_visibility_timeout(take(queue, Hand("longer")), 600)
    jump(DAY)
    real[0] = 599
    assert not visible(queue)
    real[0] = 601
    assert visible(queue)


def test_a_hand_does_not_let_go_of_what_another_one_has_received_since(queue, real: list[float]):
    slow = Hand("slow")
    take(queue, slow)
    real[0] = TIMEOUT + 1
    take(queue, Hand("next"))
    slow.let_go()
    jump(DAY)
    assert not visible(queue)


def test_a_hand_that_takes_anew_lets_go_of_what_it_had(queue):
    hand = Hand("batch")
    take(queue, hand)
    with hand.takes():
        assert not queue.receive(1).successful
    jump(DAY)
    assert visible(queue)
