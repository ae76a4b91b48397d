"""The environment variables of the work: their names, and how much room they have."""

import json
import re
from collections.abc import Mapping
from functools import cache

import yaml

from bootstrap.parameters import TemplateLoader
from bootstrap.stacks import STACK_NAMES, template
from bootstrap.work.problem import BadWork

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
LAMBDAS = {
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
}
# The variables of a function are 4,096 bytes at most. Rollcall's own take up to some 1,500.
MAX_BYTES = 2500


@cache
def functions_variables() -> frozenset[str]:
    """The names of the variables that Rollcall's functions have, as the templates say."""
    names: set[str] = set()
    for architecture in STACK_NAMES:
        resources = yaml.load(template(architecture), TemplateLoader)["Resources"]  # noqa: S506  # is safe
        for resource in resources.values():
            names |= set(resource.get("Properties", {}).get("Environment", {}).get("Variables", {}))
    return frozenset(names)


def bad_variable(name: str) -> str | None:
    """Why no variable of the work may have this name; None if one may."""
    if not NAME.fullmatch(name):
        return "a variable's name must be letters, digits and underscores, two or more, a letter first"
    if name in LAMBDAS or name.startswith("AWS_LAMBDA_"):
        return "the name is reserved by Lambda: choose another one"
    if name in functions_variables():
        return "Rollcall's functions have a variable of this name: choose another one"
    return None


def as_parameters(environment: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """The stacks' parameters with the variables, and with the places of the secrets. Raises BadWork if too large."""
    found = {
        name: json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        for name, values in (("WorkEnvironment", environment), ("WorkSecrets", secrets))
    }
    if (size := sum(len(text.encode()) for text in found.values())) > MAX_BYTES:
        raise BadWork(
            f"the variables and secrets of rollcall.toml take {size:,} bytes, and {MAX_BYTES:,} are left of Lambda's "
            "4,096: put long values into a file beside work.py"
        )
    return found
