"""Whole batches in the sandbox, in both architectures: `run_batch` is a fixture of Rollcall's."""

from typing import Any

from source import items


def test_a_batch_makes_a_badge_for_every_guest(run_batch: Any) -> None:
    result, processed, failures = run_batch()
    assert (result.status, failures) == ("SUCCEEDED", {})
    assert processed.keys() == {guest["id"] for guest in items(None)}


def test_a_guest_without_a_name_fails_and_the_others_get_their_badges(run_batch: Any) -> None:
    guests = [{"id": "g1", "name": "Ada Lovelace"}, {"id": "g2", "name": " "}]
    result, processed, failures = run_batch(guests, tolerated_failure_percentage=50)
    assert (result.status, failures) == ("SUCCEEDED", {"g2": "ValueError: the guest has no name"})
    assert "Ada Lovelace" in processed["g1"]["badge"]
