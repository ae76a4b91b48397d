"""Which messages of a batch come again, how records are packed into payloads, how many batches run."""

import json
import threading

import pytest

from sandbox.pollers.batch import PAYLOAD_LIMIT, failed_ids, payloads
from sandbox.pollers.pace import Backoff, Slots

IDS = {"a", "b"}


def failures(*identifiers):
    return json.dumps({"batchItemFailures": [{"itemIdentifier": each} for each in identifiers]}).encode()


@pytest.mark.parametrize("response", [b"", b"null", b"{}", b'""', failures(), b'{"batchItemFailures": null}'])
def test_no_failures_named_means_that_all_went_well(response):
    assert failed_ids(response, IDS) == set()


def test_only_the_named_messages_failed():
    assert failed_ids(failures("a"), IDS) == {"a"}


@pytest.mark.parametrize(
    "response",
    [
        b"{not json",
        b"[1]",
        b'"text"',
        failures(""),
        failures(None),
        failures(7),
        failures("a", "unknown"),
        b'{"batchItemFailures": "a"}',
        b'{"batchItemFailures": ["a"]}',
        b'{"batchItemFailures": [{"id": "a"}]}',
    ],
)
def test_an_unreadable_answer_fails_the_whole_batch(response):
    assert failed_ids(response, IDS) == IDS


def test_records_that_fit_go_together_in_their_order():
    assert list(payloads(["{}"] * 5)) == [(0, 5)]


def test_a_payload_never_exceeds_the_limit():
    third = "x" * (PAYLOAD_LIMIT // 3)
    assert list(payloads([third, third, third, "x"])) == [(0, 2), (2, 4)]


def test_no_records_make_no_payload():
    assert list(payloads([])) == []


def test_a_pause_grows_with_failures_in_a_row_up_to_a_bound():
    backoff = Backoff()
    seen = []
    for _ in range(8):
        backoff.failed()
        seen.append(backoff.seconds)
    assert seen == [0.5, 1, 2, 4, 8, 15, 15, 15]
    backoff.succeeded()
    assert backoff.seconds == 0


def test_slots_are_not_taken_beyond_the_limit_nor_after_the_stop():
    slots, stopped = Slots(), threading.Event()
    assert slots.take(2, stopped)
    assert slots.take(2, stopped)
    waiting = threading.Thread(target=lambda: slots.take(2, stopped) and slots.give_back())
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    slots.give_back()
    waiting.join(1)
    assert not waiting.is_alive()
    stopped.set()
    assert not slots.take(2, stopped)


def test_draining_ends_when_no_batch_runs_or_a_new_worker_takes_over():
    slots, old, new = Slots(), object(), object()
    slots.hand_over(old)
    slots.take(1, threading.Event())
    waiting = threading.Thread(target=lambda: slots.wait_until_drained(lambda: slots.owner is not old))
    waiting.start()
    slots.hand_over(new)
    waiting.join(1)
    assert not waiting.is_alive()
    slots.give_back()
    slots.wait_until_drained(lambda: False)
