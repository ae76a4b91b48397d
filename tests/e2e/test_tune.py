"""`rollcall tune` against the sandbox: plans confirmed by the meter, and settings applied."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.aws import session
from bootstrap.destroy import destroy
from sandbox.state import Sandbox
from tests.e2e.command_line import Rollcall

pytestmark = pytest.mark.usefixtures("real_time")
BATCH = ("--items=600", "--deadline=15m", "--value-distribution=uniform:0-5")


@pytest.fixture
def rollcall(sandbox: Sandbox, tmp_path: Path) -> Iterator[Rollcall]:
    """The command line for stacks that only this test has."""
    suffix = f"Apply{uuid.uuid4().hex[:6]}"
    yield Rollcall(sandbox, suffix, tmp_path)
    destroy(session(sandbox.endpoint), suffix)


def stacks_of(aws: Callable[[str], Any], part: str) -> list[dict[str, Any]]:
    """The stacks with that in their name, but for deleted ones, which the engine goes on listing."""
    stacks = aws("cloudformation").describe_stacks()["Stacks"]
    return [each for each in stacks if part in each["StackName"] and each["StackStatus"] != "DELETE_COMPLETE"]


def test_confirm_shows_that_the_meter_counts_what_the_plan_says(rollcall: Rollcall, aws) -> None:
    answer = rollcall.json("tune", *BATCH, "--confirm=2")
    batches = answer["confirmed"]["batches"]
    assert {batch["architecture"] for batch in batches} == {"sqs", "sfn"}
    for batch in batches:
        assert batch["status"] == "SUCCEEDED"
        assert batch["units"]
        assert [unit for unit in batch["units"] if not unit["fits"]] == []
        assert batch["countedPerMillionItems"] == pytest.approx(batch["plannedPerMillionItems"], rel=0.5)
    assert 0 < answer["confirmed"]["onAwsDollars"] < 0.01
    assert stacks_of(aws, "ProcessingTune") == []


def test_apply_redeploys_the_sandbox_with_the_recommended_parameters(rollcall: Rollcall, aws) -> None:
    answer = rollcall.json("tune", *BATCH, "--apply")
    wanted = answer["applied"]["parameters"]
    suffix = rollcall.place[-1].partition("=")[2]
    stacks = stacks_of(aws, suffix)
    assert len(stacks) == 2
    for stack in stacks:
        has = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
        assert {name: value for name, value in wanted.items() if name in has}.items() <= has.items()
        assert has["ItemsPerChunk"] == answer["best"]["parameters"]["ItemsPerChunk"]
