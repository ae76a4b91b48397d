"""How the bench drives MiniStack: its environment, the changes with which our stacks run there, the CPU it counts."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench import races
from bench.batches import Run
from bench.calls import shares, take_turns
from bench.engine import Cpu, Engine
from bench.ministack import engine, workarounds
from bench.ministack.workarounds import (
    numbers_as_numbers,
    with_concurrency,
    without_context_in_result_selector,
    without_map_result,
)
from bench.report import MINISTACK
from bootstrap.problem import Problem
from bootstrap.stacks import DEFINITION

NUMBER_PLACEHOLDER = re.compile(r"(?<!\")\$\{\w+\}(?!\")")


@pytest.fixture
def definition() -> dict[str, Any]:
    """Our own state machine, as it is deployed."""
    return json.loads(NUMBER_PLACEHOLDER.sub("1", DEFINITION.read_text()))


def changed_states(definition: dict[str, Any]) -> dict[str, Any]:
    return without_map_result(without_context_in_result_selector(definition))["States"]


def test_ministack_gets_none_of_the_users_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL", "HTTPS_PROXY", "DOCKER_HOST", "PYTHONPATH"):
        monkeypatch.setenv(name, "the-users")
    monkeypatch.setenv("HOME", "/home/the-users")
    given = engine.environment(4999, tmp_path)
    assert not any("the-users" in value for value in given.values())
    assert not any(name.startswith("AWS_") for name in given)


def test_ministack_listens_on_loopback_and_keeps_its_files_in_its_folder(tmp_path: Path) -> None:
    given = engine.environment(4999, tmp_path)
    assert (given["BIND_HOST"], given["GATEWAY_PORT"]) == ("127.0.0.1", "4999")
    for name in ("HOME", "TMPDIR", "S3_DATA_DIR", "STATE_DIR"):
        assert Path(given[name]).is_relative_to(tmp_path)


def test_without_ministack_the_message_names_both_ways_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(engine, "INSTALLED", tmp_path / ".installed")
    with pytest.raises(Problem, match="MiniStack is not installed") as refused:
        engine.require_installed()
    assert "make bench" in str(refused.value.hint)
    assert "make portability" in str(refused.value.hint)


def test_the_requirements_pin_the_version_that_the_report_names() -> None:
    assert f"ministack=={engine.VERSION} \\" in (Path(engine.__file__).parent / "requirements.txt").read_text()
    assert f"MiniStack {engine.VERSION}:" in MINISTACK
    assert f"MiniStack {engine.VERSION} " in workarounds.__doc__


def test_no_result_selector_of_ours_needs_the_context_and_its_fields_are_added_after_it(definition) -> None:
    before, after = definition["States"]["Make chunks"], changed_states(definition)
    selector = after["Make chunks"]["ResultSelector"]
    assert not any(str(value).startswith("$$.") for value in selector.values())
    added = after[after["Make chunks"]["Next"]]
    assert {name.removesuffix(".$") for name in added["Parameters"]} == {
        name.removesuffix(".$") for name in before["ResultSelector"]
    }
    assert added["Parameters"]["executionArn.$"] == "$$.Execution.Id"
    assert added["Parameters"]["batch.$"] == "$.batch"
    assert added["Next"] == before["Next"]


def test_the_map_runs_arn_is_looked_up_and_lands_where_the_map_would_put_it(definition) -> None:
    before, after = definition["States"]["Process chunks"], changed_states(definition)
    lookup = after[after["Process chunks"]["Next"]]
    assert after["Process chunks"]["ResultPath"] is None
    assert set(lookup["ResultSelector"]) == set(before["ResultSelector"])
    assert (lookup["ResultPath"], lookup["Next"]) == (before["ResultPath"], before["Next"])


def test_everything_else_of_the_state_machine_is_as_it_was(definition) -> None:
    before, after = definition["States"], changed_states(definition)
    same = {name for name in before if before[name] == after[name]}
    assert set(before) - same == {"Make chunks", "Process chunks"}
    assert after["Process chunks"]["ItemProcessor"] == before["Process chunks"]["ItemProcessor"]
    assert after["Make chunks"]["Parameters"] == before["Make chunks"]["Parameters"]
    assert all(state["Next"] in after for state in after.values() if "Next" in state)


def test_a_map_that_takes_its_concurrency_from_its_input_gets_a_number(definition) -> None:
    after = with_concurrency(definition, 7)["States"]["Process chunks"]
    assert (after["MaxConcurrency"], after["ItemProcessor"]["States"]["Its chunks"]["MaxConcurrency"]) == (7, 1)
    assert "MaxConcurrencyPath" not in json.dumps(after)
    assert "MaxConcurrencyPath" in json.dumps(definition)


def test_an_event_source_keeps_its_limits_as_numbers() -> None:
    given = {"BatchSize": "2", "ScalingConfig": {"MaximumConcurrency": "10"}}
    assert numbers_as_numbers(given) == {"BatchSize": 2, "ScalingConfig": {"MaximumConcurrency": 10}}
    assert numbers_as_numbers({"BatchSize": 1}) == {"BatchSize": 1}


def test_calls_are_made_in_turns_and_an_engine_s_cpu_is_that_of_its_own() -> None:
    made: list[str] = []
    first = [lambda: made.append("a"), lambda: Cpu(made.count("a") / 2, 0)]
    second = [lambda: made.append("b"), lambda: Cpu(len(made), 0)]
    took, used = take_turns([first[0], second[0]], [first[1], second[1]], 7)
    assert [len(theirs) for theirs in took] == [7, 7]
    assert "".join(made) == "".join("a" * turn + "b" * turn for turn in shares(7, 5))
    assert used == [3.5, 7.0]


@pytest.mark.parametrize(("times", "turns"), [(200, 5), (7, 5), (3, 5), (0, 5)])
def test_turns_are_as_equal_as_possible_and_lose_none(times: int, turns: int) -> None:
    found = shares(times, turns)
    assert (sum(found), len(found)) == (times, turns)
    assert max(found) - min(found) <= 1


BUSY = "import time\nwhile time.process_time() < 0.3: pass\n"
PARENT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {BUSY!r}])
alive = subprocess.Popen([sys.executable, "-c", {BUSY + "print(flush=True); input()"!r}], stdin=subprocess.PIPE)
sys.stdin.read()
"""


def test_the_cpu_of_functions_that_run_and_of_those_that_have_ended_is_counted_apart_from_the_engines() -> None:
    words = [sys.executable, "-c", PARENT]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout
        started.stdout.readline()
        used = Engine("any", "", psutil.Process(started.pid), Path()).cpu()
        started.communicate()
    assert used.functions >= 0.6 - 2 * 0.01
    assert used.engine < 0.3


def test_cpu_is_a_difference_of_two_looks() -> None:
    assert Cpu(3, 7).since(Cpu(1, 2)) == Cpu(2, 5)


class Ending:
    """An engine that still works for a while after its batch."""

    def __init__(self, looks_busy: int) -> None:
        self.looks_busy = looks_busy
        self.used = 0.0

    def cpu(self) -> Cpu:
        self.looks_busy -= 1
        self.used += 1 if self.looks_busy > 0 else 0
        return Cpu(self.used, 0)


def test_no_batch_begins_before_every_engine_is_done_with_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(races, "AT_REST_LOOK", 0.001)
    busy, idle = Ending(looks_busy=7), Ending(looks_busy=0)
    races.wait_until_at_rest([idle, busy])
    assert busy.looks_busy <= 0


def test_two_races_of_the_same_size_keep_their_own_laps(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(500, seconds=2, lag=0.05)
    monkeypatch.setattr(races, "run_lap", lambda *_: races.Lap(run, Cpu(1, 1), 0))
    monkeypatch.setattr(races, "short_lags", lambda contestants, *_: [0.05 for _ in contestants])
    plan = races.Plan(items=500, large=500, sfn_items=500, children=0, short=1, million=False, rounds=2)
    baselines = races.Baselines(in_batches=None, one_by_one=None)
    figures = races.measure_batches([None, None], baselines, plan, print)
    assert {len(figure.values) for figure in figures if figure.unit == "items/s"} == {2}
