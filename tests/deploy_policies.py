"""The two policies of docs/deploy.md, for an account in the sandbox."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from sandbox.state import REPOSITORY

DEPLOYER, CLOUDFORMATION = "deployer", "cloudformation"
PLACE = {"ACCOUNT": "000000000000", "REGION": "us-east-1"}


def policy(name: str) -> dict[str, Any]:
    """One of them as it is written, with its placeholders."""
    text = (REPOSITORY / "docs" / "deploy.md").read_text()
    first, second = re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    found: dict[str, Any] = json.loads({DEPLOYER: first, CLOUDFORMATION: second}[name])
    return found


def permissions(name: str) -> Iterator[tuple[str, str]]:
    """What it allows, as patterns of (action, resource) in the sandbox's account."""
    for statement in policy(name)["Statement"]:
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                yield action, re.sub("ACCOUNT|REGION", lambda match: PLACE[match[0]], resource)


def allowed_by(name: str, action: str, resource: str) -> bool:
    """Whether it allows a call. One whose resource is `*` has none finer on AWS: only the pattern `*` allows it."""
    return any(fnmatchcase(action, a) and fnmatchcase(resource, r) for a, r in permissions(name))


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
