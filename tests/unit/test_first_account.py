"""docs/first-account.md: what it says of the money is what `rollcall plan` says, and its commands exist."""

import json
import re
import shlex
from collections.abc import Iterator

import pytest

from sandbox.state import REPOSITORY
from tests.documents_commands import commands_in
from tests.unit.commands import Cli

ROW = re.compile(r"^\| (\d) \| `(.+)` \| \$(\d+\.\d\d) \|$", re.MULTILINE)
MOST_DOLLARS = 5.0
DOCUMENT = "docs/first-account.md"


def rows() -> list[tuple[str, str, float]]:
    """Step, options of `rollcall plan`, and the dollars that are said to be the most."""
    found = ROW.findall((REPOSITORY / DOCUMENT).read_text())
    return [(step, options, float(dollars)) for step, options, dollars in found]


@pytest.mark.parametrize(("step", "options", "most"), rows())
def test_no_step_costs_more_than_is_said_by_the_plan(cli: Cli, step: str, options: str, most: float) -> None:
    code, out, err = cli("plan", "--json", *shlex.split(options))
    assert code == 0, err
    dollars = sum(plan["dollars"] for plan in json.loads(out)["plans"])
    assert most / 100 < dollars <= most, f"step {step}: ${dollars:.4f}"


def test_all_steps_together_cost_less_than_is_said() -> None:
    assert len(rows()) > 8
    # The schedule of step 7 starts two batches in each stack.
    assert sum(most for _, _, most in rows()) < MOST_DOLLARS


def words_of_rollcall() -> Iterator[list[str]]:
    for commands in commands_in(DOCUMENT).values():
        for command in commands:
            if command.startswith("rollcall "):
                yield shlex.split(command, comments=True)[1:]


@pytest.mark.parametrize("words", list(words_of_rollcall()), ids=" ".join)
def test_every_option_of_a_command_is_one_that_it_has(cli: Cli, words: list[str]) -> None:
    _, told, _ = cli(words[0], "--help")
    assert [word for word in words if word.startswith("--") and word not in told] == []
