"""cfn-lint with every rule, as `.cfnlintrc.yaml` says, for templates that are made and not in a file."""

from typing import Any

import yaml
from cfnlint.api import lint

from sandbox.state import REPOSITORY


def settings() -> dict[str, Any]:
    """The settings of `make lint`, with its list of templates."""
    found: dict[str, Any] = yaml.safe_load((REPOSITORY / ".cfnlintrc.yaml").read_text())
    return found


def findings(template: str) -> list[Any]:
    """What cfn-lint finds in a template."""
    rules = settings()
    del rules["templates"]
    return lint(template, config=rules)
