"""`rollcall plan` at the command line: what it prints, its JSON, and what a wrong one comes to."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.main import get_command

from costs.facts.prices import BUILT_IN
from costs.plan.settings import Settings
from rollcall.commands.plan import app
from rollcall.terminal.console import stdout
from tests.unit.commands import Cli, refused


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 100 columns."""
    monkeypatch.setattr("rollcall.terminal.console.stdout._width", 100)


def test_a_plan_compares_both_architectures(cli: Cli) -> None:
    code, out, err = cli("plan", "--items", "1000000")
    assert (code, err) == (0, "")
    assert "1,000,000 items of 0 to 1000 ms, uniform" in out
    for words in (
        "SQS and DynamoDB",
        "Step Functions",
        "held up by MaxConcurrency, 10 processors at a time",
        "a parameter of the stack: --max-concurrency",
        "chunk records",
        "children started",
        "your items being processed",
        "Durations on AWS are a model",
        "assumptions.toml",
    ):
        assert words in out
    assert max(map(len, out.splitlines())) <= 100
    assert "…" not in out


def test_a_plan_with_its_month_is_whole_on_80_columns(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdout, "_width", 80)
    _, out, _ = cli("plan", "--items=100000000", "--max-concurrency=1000", "--per-day=4", "--alternatives")
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out


@pytest.mark.parametrize("items", ["1", "100", "100000000"])
def test_batches_of_every_size_fit_the_page(cli: Cli, items: str) -> None:
    code, out, _ = cli("plan", "--items", items, "--alternatives")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 100
    assert "…" not in out
    assert "Lambda durable functions" in out


def test_json_has_all_that_the_plan_rests_on(cli: Cli) -> None:
    code, out, _ = cli("plan", "--items", "10000", "--quota", "lambda.concurrency=5000", "--alternatives", "--json")
    assert code == 0
    found = json.loads(out)
    assert [plan["architecture"] for plan in found["plans"]] == ["sqs", "sfn"]
    assert found["refused"] == []
    assert found["quotas"]["lambda.concurrency"] == 5000
    assert found["assumptions"]["lambda.init_ms"] > 0
    assert {each["title"] for each in found["alternatives"]} == {"SQS FIFO", "Lambda durable functions"}
    for plan in found["plans"]:
        assert plan["dollars"] == pytest.approx(plan["bill"]["orchestration"] + plan["bill"]["own"])
        assert plan["settings"]["maxConcurrency"] == 10
        assert plan["timing"]["seconds"] == plan["seconds"] > 0
        assert plan["bottleneck"] in plan["timing"]["boundBy"]
        assert {"name", "start", "end"} == set(plan["timing"]["phases"][0])
        assert plan["workload"]["items"] == 10_000


def test_one_architecture_can_be_asked_for(cli: Cli) -> None:
    _, out, _ = cli("plan", "--items", "1000", "--architecture", "sfn")
    assert "SQS and DynamoDB" not in out


def test_settings_reach_the_plan(cli: Cli, tmp_path: Path) -> None:
    values = tmp_path / "values"
    values.write_text("5\n15\n")
    options = {
        "--items-per-chunk": ("itemsPerChunk", "50", 50),
        "--item-concurrency": ("itemConcurrency", "5", 5),
        "--memory": ("processorMemory", "512", 512),
        "--max-concurrency": ("maxConcurrency", "20", 20),
        "--batch-size": ("batchSize", "1", 1),
        "--chunks-per-segment": ("chunksPerSegment", "77", 77),
        "--child-type": ("childType", "standard", "STANDARD"),
        "--max-attempts": ("maxAttempts", "2", 2),
        "--retry-delay": ("retryDelaySeconds", "3", 3),
        "--function-timeout": ("functionTimeout", "30", 30),
        "--cpu-architecture": ("cpuArchitecture", "x86_64", "x86_64"),
    }
    words = [word for option, (_, text, _) in options.items() for word in (option, text)]
    code, out, _ = cli(
        "plan", "--items", "1000", "--json", "--value-distribution", f"file:{values}", "--item-bytes", "99",
        "--fail-rate", "0.1", *words,
    )  # fmt: skip
    assert code == 0
    for plan in json.loads(out)["plans"]:
        for name, _, value in options.values():
            assert plan["settings"][name] == value
        assert plan["workload"] | {"values": ""} == {
            "items": 1000, "values": "", "meanMilliseconds": 10, "itemBytes": 99, "failRate": 0.1,
        }  # fmt: skip


def test_the_defaults_that_are_told_are_the_plan_s(cli: Cli) -> None:
    options = {option.name: option.show_default for option in get_command(app).params}
    told = {name: options[name] for name in asdict(Settings()) if name in options}
    assert told == {name: str(getattr(Settings(), name)).lower() for name in told}
    assert len(told) == 15
    _, out, _ = cli("plan", "--help")
    assert "10000" in out


def test_prices_of_one_s_own_go_before(cli: Cli, tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('[[prices]]\nid = "lambda.requests"\ntiers = [{ from = 0, usd = 1000000 }]\n')
    _, out, _ = cli("plan", "--items", "1000", "--json", "--prices", str(prices))
    assert all(plan["dollars"] > 1 for plan in json.loads(out)["plans"])


def test_what_one_architecture_cannot_do_is_said_beside_the_other(cli: Cli) -> None:
    code, out, _ = cli("plan", "--items", "100000", "--processor-timeout", "120")
    assert code == 0
    assert "refused by states.express_seconds: an attempt of 120 s" in out
    assert "held up by MaxConcurrency" in out


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--items", "many"], ["--items", "'many'", "100,000,000"]),
        ([], ["--items"]),
        (["--items", "1000", "--item-concurrency", "101"], ["--item-concurrency", "100"]),
        (["--items", "1000", "--value-distribution", "normal:5"], ["normal", "uniform:LOW-HIGH"]),
        (["--items", "1000", "--quota", "lambda.cores=5"], ["lambda.cores", "lambda.concurrency"]),
        (["--items", "1000", "--quota", "lambda.concurrency"], ["NAME=VALUE", "lambda.concurrency=5000"]),
        (["--items", "1000", "--prices", "/nowhere.toml"], ["/nowhere.toml"]),
        (["--items", "1000", "--both", "--architecture", "sqs"], ["--both"]),
        (["--items", "1000", "--item-bytes", "300000"], ["sqs.message_bytes", "states.payload_bytes"]),
        (["--items", "1000000", "--deadline", "600"], ["DeadlineSeconds", "MaxConcurrency"]),
    ],
)
def test_what_cannot_be_planned_ends_with_a_message(cli: Cli, words: list[str], names: list[str]) -> None:
    code, out, err = cli("plan", *words)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    for name in names:
        assert name in err


def test_a_plan_of_which_nothing_is_charged_has_no_shares(cli: Cli, tmp_path: Path) -> None:
    ids = re.findall(r'^id = "(.+)"', BUILT_IN.read_text(), re.MULTILINE)
    prices = tmp_path / "prices.toml"
    prices.write_text("".join(f'[[prices]]\nid = "{each}"\ntiers = [{{ from = 0, usd = 0 }}]\n' for each in ids))
    code, out, _ = cli("plan", "--items", "1000", "--prices", str(prices))
    assert code == 0
    assert "0%" in out


def test_a_schedule_gives_the_month_of_both_and_what_is_cheaper_from_where(cli: Cli) -> None:
    code, out, _ = cli("plan", "--items", "1000", "--per-day", "4", "--value-distribution", "constant:0")
    assert code == 0
    assert "The month: 4 batches a day, 122 in all" in out
    for part in ("batches", "at rest", "custom metrics", "logs", "storage", "the month", "per million items"):
        assert re.search(rf"^{part} +\S+ +\S+$", out, re.MULTILINE), part
    assert "Cheaper with these settings: " in out
    assert max(map(len, out.splitlines())) <= 100


def test_json_has_the_month_line_by_line(cli: Cli) -> None:
    _, out, _ = cli("plan", "--items", "1000", "--per-day", "1/7", "--json")
    found = json.loads(out)
    for plan, month in zip(found["plans"], found["months"], strict=True):
        assert (month["architecture"], month["perDay"]) == (plan["architecture"], pytest.approx(1 / 7))
        assert month["batches"] == pytest.approx(730 / 24 / 7)
        assert month["dollars"] == pytest.approx(sum(month["parts"].values()))
        for part, dollars in month["parts"].items():
            assert dollars == pytest.approx(sum(line["dollars"] for line in month["lines"] if line["part"] == part))
    assert found["cheaper"][0]["fromItems"] == 1
    assert found["cheaper"][-1]["toItems"] == 100_000_000
    _, without, _ = cli("plan", "--items", "1000", "--json")
    assert not {"months", "cheaper"} & json.loads(without).keys()


def test_the_month_of_one_architecture_is_not_compared(cli: Cli) -> None:
    code, out, _ = cli("plan", "--items", "1000", "--per-day", "0.5", "--architecture", "sfn")
    assert code == 0
    assert "The month: a batch every 2 days" in out
    assert "Cheaper" not in out


def test_a_plan_without_a_schedule_tells_what_is_paid_at_rest(cli: Cli) -> None:
    _, out, _ = cli("plan", "--items", "1000")
    _, pollers, _ = cli("plan", "--items", "1000", "--pollers", "10", "--architecture", "sqs")
    assert "at rest, a month" in out
    assert re.search(r"^at rest, a month: \$1[34]\.\d\d, ", pollers, re.MULTILINE)


def test_batches_that_pile_up_are_warned_of_once(cli: Cli) -> None:
    _, out, _ = cli("plan", "--items", "10000000", "--per-day", "24")
    assert " ".join(out.split()).count("and the next one starts after 1 h 00 min") == 2


@pytest.mark.parametrize("per_day", ["0", "-1", "often", "nan", "inf", "1/0", "1e9"])
def test_a_schedule_is_a_number_of_batches_a_day(cli: Cli, per_day: str) -> None:
    code, out, err = cli("plan", "--items", "1000", f"--per-day={per_day}")
    assert (code, out) == (2, "")
    for name in ("--per-day", f"'{per_day}'", "1/7 for one a week"):
        assert name in err


def test_free_amounts_are_those_of_the_whole_month(cli: Cli) -> None:
    """A million requests of SQS a month are free, whatever they are made for."""
    words = ("plan", "--items", "1000", "--per-day", "4", "--value-distribution", "constant:0", "--json")
    paid, free = (json.loads(cli(*words, *more)[1]) for more in ((), ("--free-tier",)))
    assert (paid["prices"]["freeTier"], free["prices"]["freeTier"]) == (False, True)
    for charged, given in zip(paid["months"], free["months"], strict=True):
        requests = [
            sum(line["quantity"] for line in month["lines"] if line["price"] == "sqs.requests")
            for month in (charged, given)
        ]
        assert requests[0] == requests[1]
        dollars = [
            sum(line["dollars"] for line in month["lines"] if line["price"] == "sqs.requests")
            for month in (charged, given)
        ]
        assert dollars[1] == pytest.approx(max(0, requests[0] - 1_000_000) * 0.4e-6)
        assert dollars[0] == pytest.approx(requests[0] * 0.4e-6)
    _, out, _ = cli("plan", "--items", "1000", "--free-tier")
    assert "with the free tier" in out


def test_a_file_is_planned_by_the_number_and_the_size_of_its_items(cli: Cli, tmp_path: Path):
    file = tmp_path / "orders.csv"
    file.write_bytes(b"id,name\n" + b"".join(b"%d,Ann\n" % number for number in range(500)))
    checked = json.loads(cli("check", str(file), "--json")[1])
    each = str(checked["itemBytes"] / 500)
    code, out, err = cli("plan", "--input", str(file), "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads(cli("plan", "--items", "500", "--item-bytes", each, "--json")[1])
    assert "500 items of 0 to 1000 ms" in cli("plan", "--input", str(file))[1]


def test_a_file_that_is_not_fine_is_planned_with_a_word_and_one_without_items_is_not(cli: Cli, tmp_path: Path):
    file = tmp_path / "orders.csv"
    file.write_bytes(b"id,name\n1,Ann\n2\n")
    code, _, err = cli("plan", "--input", str(file))
    assert (code, err) == (0, f"--input is not fine: see `rollcall check {file}`\n")
    file.write_bytes(b"id,id\n1,Ann\n")
    refused(cli("plan", "--input", str(file)), "--input: orders.csv, line 1: the header names a column twice")
    file.write_bytes(b"id,name\n")
    refused(cli("plan", "--input", str(file)), "there is no item in it")
    refused(cli("plan", "--input", str(file), "--items", "5"), "--input and --items exclude each other")
    refused(cli("plan", "--input", str(file), "--item-bytes", "5"), "--input and --item-bytes exclude each other")
    refused(cli("plan"), "how many items has the batch?\ngive --items N, or --input FILE")
