"""Invocations that are killed or frozen."""

import time

import pytest

from tests.e2e.faults.parts import CALLER, Inject, put, stored

pytest_plugins = ("tests.e2e.executor_deploy",)


@pytest.mark.docker
@pytest.mark.parametrize(("when", "effect"), [("before", set()), ("during", {"a"}), ("after", {"a"})])
def test_a_process_is_killed_before_during_or_after_its_call(
    aws, inject: Inject, caller, table: str, when: str, effect: set[str]
):
    report = inject({"kind": "kill", "when": when, "function": caller.name, "operation": "PutItem", "count": 1})
    answer = caller.invoke(put(table) | {"rest": 10})
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Runtime.ExitError"
    assert "signal: killed" in answer.payload["errorMessage"]
    assert stored(aws, table) == effect
    assert report()["injected"] == 1
    assert caller.invoke(put(table)).error is None


def test_a_kill_hits_the_function_it_names_only(aws, inject: Inject, caller, table: str):
    report = inject({"kind": "kill", "when": "before", "function": "another-*", "operation": "PutItem"})
    assert caller.invoke(put(table)).error is None
    aws("dynamodb").put_item(TableName=table, Item={"id": {"S": "mine"}})
    assert report()["seen"] == 0


def test_an_invocation_is_killed_on_every_try(inject: Inject, caller, table: str):
    report = inject({"kind": "kill-invocation", "function": caller.name, "milliseconds": 300})
    for _ in range(3):
        assert caller.invoke(put(table) | {"rest": 10}).payload["errorType"] == "Runtime.ExitError"
    assert report()["injected"] == 3


def test_an_invocation_that_was_over_first_was_not_killed(inject: Inject, caller, table: str):
    report = inject({"kind": "kill-invocation", "function": caller.name, "milliseconds": 900_000, "count": 1})
    assert caller.invoke(put(table)).error is None
    assert (report()["seen"], report()["injected"]) == (1, 0)


@pytest.mark.docker
def test_a_frozen_invocation_goes_on_later(inject: Inject, caller, table: str):
    report = inject({"kind": "freeze", "function": caller.name, "seconds": 1.5, "milliseconds": 50})
    before = time.monotonic()
    assert caller.invoke(put(table) | {"rest": 0.3}).error is None
    assert time.monotonic() - before >= 1.5
    assert report()["injected"] == 1


@pytest.mark.real_clock
def test_a_function_frozen_past_its_timeout_is_ended_by_the_timeout(inject: Inject, deploy, table: str):
    function = deploy(source=CALLER, Timeout=1)
    report = inject({"kind": "freeze", "function": function.name, "seconds": 30, "milliseconds": 50})
    answer = function.invoke(put(table) | {"rest": 0.5})
    assert answer.payload["errorType"] == "Sandbox.Timedout"
    assert report()["injected"] == 1
