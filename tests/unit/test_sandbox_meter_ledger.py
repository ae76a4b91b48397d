"""For whom units are counted: batches found in what is passed around, sums that stay whole."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.meter.account import Account
from sandbox.meter.batch_ids import batch_ids
from sandbox.meter.ledger import Consumer, Ledger, Unit

CONSUMER = Consumer("Stack", "Function", "function")
ONE = (Unit("sqs.requests", "SendMessage", 1),)


def sums(ledger: Ledger, batch: str | None = None) -> dict[str | None, float]:
    found: Counter[str | None] = Counter()
    for row in ledger.rows(batch):
        found[row["batch"]] += row["quantity"]
    return dict(found)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"batchId": "b-1", "generation": 1}', ("b-1",)),
        (b'{"batchId":"b-1"}', ("b-1",)),
        (json.dumps({"Records": [{"body": json.dumps({"batchId": "b.1"})}]}), ("b.1",)),
        (json.dumps({"a": json.dumps({"b": json.dumps({"batchId": "deep"})})}), ("deep",)),
        ('{"batchId": {"S": "b-1"}}', ("b-1",)),
        ('[{"batchId": "b"}, {"batchId": "a"}, {"batchId": "b"}]', ("a", "b")),
        ('{"batchId": null, "text": "batchId"}', ()),
        ("", ()),
    ],
)
def test_batches_are_found_in_json_and_in_json_within_json(content, found):
    assert batch_ids(content) == found


def test_the_first_batch_is_the_first_one_written():
    assert batch_ids('[{"batchId": "b"}, {"batchId": "a"}]', first_only=True) == ("b",)


def test_what_is_for_several_batches_is_split_evenly_and_stays_whole():
    ledger = Ledger()
    ledger.add(("a", "b", "c"), CONSUMER, ONE)
    ledger.add((), CONSUMER, ONE)
    assert sum(sums(ledger).values()) == pytest.approx(2)
    assert sums(ledger)["b"] == pytest.approx(1 / 3)
    assert sum(row["calls"] for row in ledger.rows()) == 2
    assert sums(ledger, "a") == {"a": pytest.approx(1 / 3)}


def test_old_batches_fold_into_none_and_the_total_stays():
    ledger = Ledger(max_batches=2)
    for batch in ("a", "b", "a", "c"):
        ledger.add((batch,), CONSUMER, ONE)
    assert sums(ledger) == {"a": 2, "c": 1, None: 1}


def test_an_account_waits_until_it_is_known_for_which_batch():
    ledger = Ledger()
    account = Account("Stack", "Function", ledger=ledger)
    account.add("function", ONE)
    assert sums(ledger) == {}
    account.name(())
    account.name(("a",))
    account.name(("b",))
    account.add("function", ONE)
    assert sums(ledger) == {"a": 2}


def test_what_ends_without_a_batch_counts_for_none_also_afterwards():
    ledger = Ledger()
    account = Account("Stack", None, ledger=ledger)
    account.add("states", ONE)
    account.close()
    account.name(("a",))
    account.add("states", ONE)
    assert sums(ledger) == {None: 2}


def test_a_reset_forgets_what_waits():
    ledger = Ledger()
    account = Account("Stack", "Function", ledger=ledger)
    account.add("function", ONE)
    ledger.reset()
    account.add("function", ONE)
    account.name(("a",))
    assert sums(ledger) == {"a": 1}


def test_no_unit_is_lost_between_threads():
    ledger = Ledger()
    accounts = [Account("Stack", "Function", ledger=ledger) for _ in range(4)]

    def use(number: int) -> None:
        for _ in range(500):
            accounts[number % 4].add("function", ONE)
        accounts[number % 4].name((f"batch-{number % 4}",))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))
    assert sums(ledger) == {f"batch-{number}": 1000 for number in range(4)}
