"""Every template is linted with every rule, and whatever is left out has its reason beside it."""

import subprocess
from pathlib import Path

import pytest
import yaml

from sandbox.state import REPOSITORY
from tests.cfn_lint import settings


def templates() -> set[Path]:
    """Every CloudFormation template in a file of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.yaml", "*.yml"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = {REPOSITORY / name for name in listed.stdout.splitlines()}
    return {path for path in paths if path.exists() and "AWSTemplateFormatVersion" in path.read_text()}


def test_cfn_lint_reads_every_template():
    read = {path for pattern in settings()["templates"] for path in REPOSITORY.glob(pattern)}
    assert templates() <= read


def test_checkov_reads_every_template_that_is_deployed_to_aws():
    # The bench's stacks are for the sandbox only, and their descriptions say so.
    folders = yaml.safe_load((REPOSITORY / ".checkov.yaml").read_text())["directory"]
    read = {path for folder in folders for path in (REPOSITORY / folder).rglob("*.yaml")}
    assert {path for path in templates() if REPOSITORY / "bench" not in path.parents} == read


@pytest.mark.parametrize(("file", "setting"), [(".cfnlintrc.yaml", "ignore_checks:"), (".checkov.yaml", "skip-check:")])
def test_every_check_that_is_left_out_has_its_reason_above_it(file: str, setting: str):
    lines = iter((REPOSITORY / file).read_text().splitlines())
    assert setting in lines  # and those after it are left
    reason = ""
    for line in lines:
        if line.startswith("  - "):
            assert reason, line
        else:
            assert line.startswith("  # "), line
            reason = line
