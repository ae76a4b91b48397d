"""The stacks' parameters: read from the templates, resolved to values, and checked before anything is created."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from handlers.sfn.express import LIMIT_SECONDS, longest_child_seconds


class BadParameter(ValueError):
    """An unknown parameter, or a value that cannot work. The message names it and the values that would work."""


# libyaml reads a template in a tenth of the time.
class TemplateLoader(yaml.CSafeLoader):  # type: ignore[misc]  # yaml has no types
    """Reads a template's plain values. CloudFormation's tags become None."""


TemplateLoader.add_multi_constructor("!", lambda *_: None)


def declared(template: str) -> dict[str, dict[str, Any]]:
    """A template's parameters by name, each with its fields (`Default`, `AllowedValues`, ...)."""
    parameters: dict[str, dict[str, Any]] = yaml.load(template, TemplateLoader)["Parameters"]  # noqa: S506  # is safe
    return parameters


def resolve(known: Mapping[str, Mapping[str, Any]], *layers: Mapping[str, str]) -> dict[str, str]:
    """The values of the parameters `known`: their defaults, replaced by those of each layer in turn.

    Raises BadParameter for a value that the template does not allow.
    """
    values = {name: str(about["Default"]) for name, about in known.items() if "Default" in about}
    for layer in layers:
        values |= {name: value for name, value in layer.items() if name in known}
    for name, value in values.items():
        refuse_bad_value(name, value, known[name])
    return values


def refuse_bad_value(name: str, value: str, about: Mapping[str, Any]) -> None:
    """Raise BadParameter for a value that CloudFormation would refuse. The sandbox's engine does not check it."""
    allowed = [str(choice) for choice in about.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise BadParameter(f"{name}={value}: it must be one of {', '.join(allowed)}")
    if "AllowedPattern" in about and not re.fullmatch(about["AllowedPattern"], value):
        raise BadParameter(f"{name}={value}: {about['ConstraintDescription']}")
    if about["Type"] != "Number":
        return
    low, high = about.get("MinValue", -float("inf")), about.get("MaxValue", float("inf"))
    try:
        fits = low <= float(value) <= high
    except ValueError:
        fits = False
    if not fits:
        raise BadParameter(f"{name}={value}: it must be a number from {low} to {high}")


def refuse_unknown(given: Iterable[str], known: Iterable[Iterable[str]]) -> None:
    """Raise BadParameter for a name that no stack has, such as a misspelt one."""
    names = {name for parameters in known for name in parameters}
    if unknown := sorted(set(given) - names):
        raise BadParameter(f"unknown parameter {unknown[0]!r}; the stacks have {', '.join(sorted(names))}")


def refuse_items_beyond_max_items(values: Mapping[str, str]) -> None:
    """Raise BadParameter if a request without `items`, such as the schedule's, would be refused."""
    if int(values["Items"]) > int(values["MaxItems"]):
        raise BadParameter(f"Items={values['Items']} is more than MaxItems={values['MaxItems']}: raise MaxItems too")


def refuse_sharing_with_code(values: Mapping[str, str], code_bucket: str) -> None:
    """Raise BadParameter for an input or results bucket that is the code bucket: its writers could replace the code."""
    for name in ("InputBucket", "ResultsBucket"):
        if values.get(name) in (code_bucket, values.get("CodeBucket", code_bucket)):
            raise BadParameter(
                f"{name}={values[name]}: that is the bucket of the functions' code. Neither the functions nor the "
                "suppliers of input may write to it: name another bucket"
            )


def refuse_more_than_lambda_runs(values: Mapping[str, str], limit: int) -> None:
    """Raise BadParameter for more processors at a time than Lambda runs: `limit` is what no function reserves.

    Lambda would refuse the others, and the 5 minutes of a child execution pass meanwhile.
    """
    if int(values["MaxConcurrency"]) > limit:
        raise BadParameter(
            f"MaxConcurrency={values['MaxConcurrency']} is more than the account's {limit} concurrent executions that "
            "no function reserves: lower it, or have Lambda's quota `Concurrent executions` raised"
        )


def refuse_short_lived_children(values: Mapping[str, str]) -> None:
    """Raise BadParameter if an EXPRESS child could time out after 5 minutes: no Catch handles that."""
    if values.get("ChildType") != "EXPRESS":
        return
    attempts, timeout, delay = (float(values[name]) for name in ("MaxAttempts", "FunctionTimeout", "RetryDelaySeconds"))
    longest = longest_child_seconds(attempts, timeout, delay)
    if longest > LIMIT_SECONDS:
        raise BadParameter(
            f"ChildType EXPRESS ends a child after {LIMIT_SECONDS} s, and {attempts:g} attempts of {timeout:g} "
            f"s with {delay:g} s between them may take {longest:g} s: lower MaxAttempts, FunctionTimeout or "
            "RetryDelaySeconds, or choose ChildType=STANDARD"
        )
