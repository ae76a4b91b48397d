"""What a batch that ran here would have cost on AWS, as `rollcall` tells it."""

from typing import Any

import pytest

from sandbox.state import Sandbox
from tests.e2e.command_line import Rollcall, new_id
from tests.e2e.stacks import Stacks
from tests.probes import eventually

ARCHITECTURES = pytest.mark.parametrize("architecture", ["sqs", "sfn"])
# Six chunks. QUICK's CheckIntervalSeconds is 2: the check message of a batch comes soon after its end.
RUN = ("--items=60", "--items-per-chunk=10", "--max-value=20")


@pytest.fixture(scope="module")
def rollcall(sandbox: Sandbox, stacks: Stacks, tmp_path_factory: pytest.TempPathFactory) -> Rollcall:
    """The command line for the stacks under test, in an empty folder."""
    return Rollcall(sandbox, stacks.suffix, tmp_path_factory.mktemp("bill"))


@pytest.fixture(scope="module")
def ran(rollcall: Rollcall) -> dict[str, dict[str, Any]]:
    """What `rollcall run --json` said of a batch of each architecture."""
    return {name: rollcall.json("run", name, *RUN, f"--batch-id={new_id()}") for name in ("sqs", "sfn")}


def quantity(bill: dict[str, Any], price: str, **fields: str) -> float:
    """So much of a price, on the lines with these fields."""
    lines = (line for line in bill["lines"] if line["price"] == price)
    return sum(line["quantity"] for line in lines if all(line[name] == value for name, value in fields.items()))


@ARCHITECTURES
def test_a_run_tells_its_cost_and_the_bill_tells_of_what_it_is_made(rollcall: Rollcall, ran, architecture):
    batch, cost = ran[architecture]["batchId"], ran[architecture]["cost"]
    bill = rollcall.json("bill", batch)
    assert (bill["batchId"], bill["architecture"], bill["items"]) == (batch, architecture, 60)
    assert bill["dollars"] == pytest.approx(sum(line["dollars"] for line in bill["lines"]))
    assert bill["dollars"] == pytest.approx(bill["own"] + bill["orchestration"])
    assert bill["dollars"] == pytest.approx(sum(bill["byService"].values()))
    assert bill["perMillionItems"] == pytest.approx(bill["dollars"] / 60 * 1_000_000)
    for line in bill["lines"]:
        price = bill["prices"][line["price"]]
        assert line["dollars"] == pytest.approx(line["quantity"] * price["tiers"][0]["usd"] / price["per"])
    # The check message may have come in between, which is derived before and counted after.
    assert cost["dollars"] == pytest.approx(bill["dollars"], rel=0.05)
    assert cost["own"] == pytest.approx(bill["own"])
    assert cost["atRestPerMonth"]["dollars"] == pytest.approx(bill["atRestPerMonth"]["dollars"], abs=0.001)
    assert 0 < cost["own"] < cost["dollars"]


def test_a_chunk_costs_three_writes_of_the_table(rollcall: Rollcall, ran):
    bill = rollcall.json("bill", ran["sqs"]["batchId"])
    assert quantity(bill, "dynamodb.write_units", function="BatcherFunction", operation="BatchWriteItem") == 6
    assert quantity(bill, "dynamodb.write_units", function="ProcessorFunction") == 12


def test_the_check_that_comes_after_the_end_is_derived_until_it_is_counted(rollcall: Rollcall, ran):
    def counted() -> dict[str, Any]:
        bill = rollcall.json("bill", ran["sqs"]["batchId"])
        assert not [line for line in bill["lines"] if line["what"] == "the check to come"]
        return bill

    assert quantity(eventually(counted), "lambda.requests", function="FinalizerFunction") >= 2


def test_children_are_billed_as_either_type(rollcall: Rollcall, ran):
    batch = ran["sfn"]["batchId"]
    express, standard = rollcall.json("bill", batch), rollcall.json("bill", batch, "--child-type=standard")
    # Children that start, and a state or more for each of the six chunks.
    assert 1 <= quantity(express, "states.express_requests") <= 6
    assert quantity(standard, "states.express_requests") == 0
    assert quantity(standard, "states.transitions") >= quantity(express, "states.transitions") + 18
    assert (express["childType"], standard["childType"]) == ("EXPRESS", "STANDARD")


@ARCHITECTURES
def test_people_get_a_table_and_each_derived_line_s_rule(rollcall: Rollcall, ran, architecture):
    batch = ran[architecture]["batchId"]
    summary, _ = rollcall("watch", batch)
    for words in ("for this batch", "of it orchestration", "whether batches run or not", f"rollcall bill {batch} "):
        assert words in summary
    assert "million" not in summary
    out, _ = rollcall("bill", batch)
    for words in ("orchestration", "your code", "this batch", "at rest", "us-east-1", "[1]", "no free tier"):
        assert words in out


def test_prices_of_one_s_own_and_the_free_tier(rollcall: Rollcall, ran):
    batch = ran["sqs"]["batchId"]
    own = '[[prices]]\nid = "dynamodb.write_units"\ntiers = [{from = 0, usd = 6.25}]'
    (rollcall.folder / "mine.toml").write_text(own)
    dear = rollcall.json("bill", batch, "--prices=mine.toml")
    units = quantity(dear, "dynamodb.write_units")
    assert dear["byService"]["DynamoDB"] == pytest.approx(
        units * 6.25e-6 + quantity(dear, "dynamodb.read_units") * 0.125e-6
    )
    assert rollcall.json("bill", batch, "--free-tier")["byService"]["Lambda"] == 0


def test_an_unknown_batch_has_no_bill(rollcall: Rollcall):
    _, err = rollcall("bill", "no-such-batch", expect=2)
    assert "no-such-batch" in err


def test_the_meter_is_shown_and_begins_anew(rollcall: Rollcall, ran):
    batch = ran["sqs"]["batchId"]
    rows = rollcall.json("meter", f"--batch={batch}")["rows"]
    assert {row["batch"] for row in rows} == {batch}
    assert "dynamodb.write_units" in rollcall("meter", f"--batch={batch}")[0]
    rollcall("meter", "--reset")
    # Its check message may still come.
    left = rollcall.json("meter", f"--batch={batch}")["rows"]
    assert {row["function"] for row in left} <= {"FinalizerFunction"}
    _, err = rollcall("bill", batch, expect=2)
    assert f"the meter does not know all of batch {batch}" in err
    assert "rollcall run sqs" in err
