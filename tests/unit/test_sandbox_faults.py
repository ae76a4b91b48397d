"""A fault plan: what it accepts, what it decides, what it counts."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from localstack.aws.spec import load_service

from sandbox.faults.active import ActivePlan, Faults
from sandbox.faults.lists import lag, shown_status
from sandbox.faults.plan import KINDS, BadPlan, Call, parse, read
from sandbox.faults.quotas import Bucket
from sandbox.state import REPOSITORY

PUT = Call(service="dynamodb", operation="PutItem", function="stack-processor-1")
DELETE = Call(service="dynamodb", operation="DeleteItem", function="stack-processor-1")


def plan(*faults: dict[str, Any], seed: int = 7) -> ActivePlan:
    return ActivePlan(parse({"seed": seed, "faults": list(faults)}))


def hits(active: ActivePlan, calls: int, call: Call = PUT, kind: str = "error") -> list[int]:
    """Which of so many calls were hit, counted from 1."""
    return [nth for nth in range(1, calls + 1) if active.meet(call, kind)]


def test_the_same_seed_decides_the_same() -> None:
    fault = {"kind": "error", "probability": 0.3}
    first = hits(plan(fault), 200)
    assert hits(plan(fault), 200) == first
    assert hits(plan(fault, seed=8), 200) != first


def test_two_faults_of_a_plan_decide_for_themselves() -> None:
    fault = {"kind": "error", "probability": 0.3}
    assert hits(plan(fault), 200) != hits(plan({"kind": "error", "probability": 0}, fault), 200)


def test_decisions_do_not_depend_on_what_happens_between_the_calls() -> None:
    fault = {"kind": "error", "probability": 0.3}
    alone, mixed = plan(fault), plan(fault)
    found = []
    for nth in range(1, 101):
        mixed.meet(DELETE, "error")
        if mixed.meet(PUT, "error"):
            found.append(nth)
        mixed.meet(Call(service="sqs", operation="PutItem"), "error")
    assert found == hits(alone, 100)


@pytest.mark.parametrize("probability", [0.01, 0.1, 0.5, 0.9])
def test_a_probability_is_the_share_of_calls_that_are_hit(probability: float) -> None:
    assert len(hits(plan({"kind": "error", "probability": probability}), 20_000)) / 20_000 == pytest.approx(
        probability, rel=0.15
    )


@pytest.mark.parametrize(("probability", "expected"), [(0, 0), (1, 50)])
def test_never_and_always_are_exact(probability: int, expected: int) -> None:
    assert len(hits(plan({"kind": "error", "probability": probability}), 50)) == expected


def test_count_bounds_the_injections_and_after_passes_the_first_calls() -> None:
    assert hits(plan({"kind": "error", "count": 2, "after": 3}), 10) == [4, 5]


def test_a_count_holds_for_all_calls_together_even_from_many_threads() -> None:
    active = plan({"kind": "error", "count": 20})
    threads = [threading.Thread(target=hits, args=(active, 100)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fault = active.report()["faults"][0]
    assert (fault["injected"], fault["seen"]) == (20, 800)


@pytest.mark.parametrize(
    ("matchers", "matched"),
    [
        ({}, True),
        ({"service": "dynamodb"}, True),
        ({"service": "sqs"}, False),
        ({"operation": "*Item"}, True),
        ({"operation": "putitem"}, False),
        ({"function": "*-processor-*"}, True),
        ({"function": "*-processor"}, False),
        ({"service": "dynamodb", "operation": "Get*"}, False),
        ({"service": None}, True),
    ],
)
def test_every_matcher_given_must_fit(matchers: dict[str, Any], matched: bool) -> None:
    assert bool(plan({"kind": "error", **matchers}).meet(PUT, "error")) is matched


def test_no_glob_matches_what_a_call_does_not_have() -> None:
    assert plan({"kind": "error", "function": "*"}).meet(Call(service="sqs", operation="SendMessage"), "error") is None


def test_the_first_fault_that_hits_wins_and_only_it_counts() -> None:
    active = plan({"kind": "lost-answer", "probability": 0}, {"kind": "error"}, {"kind": "error", "error": "Other"})
    hit = active.meet(PUT, "error", "lost-answer")
    assert hit is not None
    assert (hit.kind, hit.number, hit.settings["error"]) == ("error", 1, "ThrottlingException")
    assert [fault["injected"] for fault in active.report()["faults"]] == [0, 1, 0]
    assert [fault["seen"] for fault in active.report()["faults"]] == [1, 1, 1]


def test_what_did_not_come_to_pass_counts_for_nothing_and_may_be_tried_again() -> None:
    active = plan({"kind": "freeze", "seconds": 1, "count": 1})
    hit = active.meet(Call(function="f"), "freeze")
    assert hit is not None
    assert active.meet(Call(function="f"), "freeze") is None
    hit.withdraw()
    assert active.report()["injected"] == {"freeze": 0}
    assert active.meet(Call(function="f"), "freeze") is not None


def test_a_report_shows_the_plan_as_it_was_given() -> None:
    active = plan({"kind": "error", "service": None, "count": 1}, {"kind": "error"}, {"kind": "lost-delete"})
    active.meet(PUT, "error")
    active.meet(PUT, "error")
    assert active.report() == {
        "seed": 7,
        "faults": [
            {"kind": "error", "count": 1, "injected": 1, "seen": 2},
            {"kind": "error", "injected": 1, "seen": 2},
            {"kind": "lost-delete", "injected": 0, "seen": 0},
        ],
        "injected": {"error": 2, "lost-delete": 0},
    }


def test_defaults_are_awss_commonest_errors() -> None:
    error, lost = parse({"faults": [{"kind": "error"}, {"kind": "lost-answer"}]}).faults
    assert error.settings == {"error": "ThrottlingException", "status": 400}
    assert lost.settings == {"error": "InternalServerError", "status": 500}


def test_a_new_plan_ends_the_one_before() -> None:
    faults = Faults()
    first = faults.set(parse({"faults": []}))
    assert first is not None
    assert not first.ended.is_set()
    assert faults.set(None) is None
    assert first.ended.is_set()
    assert faults.active is None


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_field_is_named_with_the_known_ones(kind: str) -> None:
    with pytest.raises(BadPlan, match=r"faults\[1\] .*unknown field 'colour'.*probability"):
        parse({"faults": [{"kind": "error"}, {"kind": kind, "colour": "red"}]})


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({}, r"faults\[0\].kind: None is none of error, lost-answer"),
        ({"kind": "eror"}, r"faults\[0\].kind: 'eror'"),
        ({"kind": ["error"]}, r"faults\[0\].kind"),
        ("error", r"faults\[0\]: 'error' is not a JSON object"),
        ({"kind": "error", "probability": 1.5}, r"faults\[0\].probability: 1.5 is not a number from 0 to 1"),
        ({"kind": "error", "probability": True}, r"faults\[0\].probability: True"),
        ({"kind": "error", "probability": float("nan")}, r"faults\[0\].probability: nan"),
        ({"kind": "error", "count": -1}, r"faults\[0\].count: -1 is not a whole number from 0 to 1000000000"),
        ({"kind": "error", "after": 1.5}, r"faults\[0\].after: 1.5"),
        ({"kind": "error", "status": 200}, r"faults\[0\].status: 200 is not a whole number from 400 to 599"),
        ({"kind": "error", "service": 5}, r"faults\[0\].service: 5 is not a text"),
        ({"kind": "error", "queue": "q"}, r"unknown field 'queue'"),
        ({"kind": "delay"}, r"faults\[0\].seconds: missing, delay needs it"),
        ({"kind": "kill"}, r"faults\[0\].when: missing"),
        ({"kind": "kill", "when": "later"}, r"faults\[0\].when: 'later' is none of before, during, after"),
        ({"kind": "hang", "when": "during"}, r"faults\[0\].when: 'during' is none of before, after"),
        ({"kind": "hang", "bytes": -1}, r"faults\[0\].bytes: -1 is not a whole number from 0 to"),
        ({"kind": "restart-pollers", "every": 0}, r"faults\[0\].every: 0 is not a number from 0.1"),
        ({"kind": "delay", "seconds": 10**400}, r"faults\[0\].seconds: 10{79}\.\.\. is not a number from 0 to 43200"),
        ({"kind": "error", "count": 10**9 + 1}, r"faults\[0\].count: 1000000001 is not a whole number from 0 to"),
        ({"kind": "error", "after": 10**5000}, r"faults\[0\].after: this int is not a whole number from 0 to"),
        ({"kind": "error", "error": "a\r\nX: 1"}, r"faults\[0\].error: 'a\\r\\nX: 1' is not an error code"),
        ({"kind": "error", "error": ""}, r"faults\[0\].error: '' is not an error code"),
        ({"kind": "lost-answer", "error": "a" * 101}, r"faults\[0\].error: 'a{79}\.\.\. is not an error code"),
        ({"kind": "drop-event", "rule": "*" * 257}, r"faults\[0\].rule: '\*{79}\.\.\. is not a text of 1 to 256"),
        ({"kind": "lost-delete", "queue": ""}, r"faults\[0\].queue: '' is not a text of 1 to 256"),
        ({"kind": "quota", "burst": 1}, r"faults\[0\].per_second: missing, quota needs it"),
        ({"kind": "quota", "per_second": 1, "burst": 0}, r"faults\[0\].burst: 0 is not a whole number from 1"),
        ({"kind": "concurrency", "limit": 0}, r"faults\[0\].limit: 0 is not a whole number from 1"),
        ({"kind": "concurrency", "limit": 1, "function": "f"}, r"unknown field 'function'"),
        ({"kind": "stale-list"}, r"faults\[0\].seconds: missing"),
    ],
)
def test_a_bad_fault_is_refused_with_its_field(fault: Any, message: str) -> None:
    with pytest.raises(BadPlan, match=message):
        parse({"faults": [fault]})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "the plan: .* is not a JSON object"),
        ({}, "faults: None is not a list"),
        ({"faults": {}}, "faults: {} is not a list"),
        ({"faults": [], "seed": "7"}, "seed: '7' is not a whole number"),
        ({"faults": [], "seed": 2**63}, "seed: 9223372036854775808 is not a whole number from"),
        ({"faults": [{"kind": "restart-pollers", "every": 1}] * 101}, "faults: 101 are too many, 100 are allowed"),
        ({"faults": [], "sead": 7}, "the plan: unknown field 'sead', known are faults, seed"),
    ],
)
def test_a_bad_plan_is_refused(document: Any, message: str) -> None:
    with pytest.raises(BadPlan, match=message):
        parse(document)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 200_000, "nested too deeply"),
        ('{"faults":' * 100_000, "nested too deeply"),
        (b"\xff\xfe\x00", "not JSON"),
        ("", "not JSON"),
        (b" " * (2**20 + 1), "the plan has 1048577 bytes, 1048576 are allowed"),
        ('{"faults": [], "seed": ' + "9" * 5000 + "}", "not JSON"),
        ('{"faults": ' + "[" * 500 + "]" * 500 + "}", r"faults\[0\]: \[{80}\.\.\. is not a JSON object"),
    ],
)
def test_a_text_that_holds_no_plan_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(BadPlan, match=message):
        read(text)


def test_a_bucket_holds_its_burst_and_refills_by_the_second() -> None:
    bucket = Bucket(burst=3, per_second=2, now=100)
    assert [bucket.take(100) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(now) for now in (100.4, 100.5, 100.6, 101)] == [False, True, False, True]
    assert [bucket.take(1000) for _ in range(4)] == [True, True, True, False]


def test_a_list_that_lags_shows_what_was_some_seconds_ago() -> None:
    active, now = plan({"kind": "stale-list", "operation": "List*", "seconds": 60}), datetime.now(UTC)
    old, late = now - timedelta(seconds=90), now - timedelta(seconds=30)
    with lag(active, Call("stepfunctions", "ListExecutions"), {}):
        assert shown_status(late, None, "RUNNING") is None
        assert shown_status(old, late, "FAILED") == "RUNNING"
        assert shown_status(old, old, "FAILED") == "FAILED"
    with lag(active, Call("stepfunctions", "DescribeExecution"), {}):
        assert shown_status(late, None, "RUNNING") == "RUNNING"
    assert active.report()["faults"][0]["injected"] == 1


def test_awss_quotas_are_a_plan_with_one_for_each_operation() -> None:
    faults = read((REPOSITORY / "docs" / "step-functions-quotas.json").read_text()).faults
    operations = [fault.matchers["operation"] for fault in faults]
    assert {fault.kind for fault in faults} == {"quota"}
    assert len(set(operations)) == len(operations)
    # AWS documents no number for StartSyncExecution.
    assert set(load_service("stepfunctions").operation_names) - set(operations) == {"StartSyncExecution"}
