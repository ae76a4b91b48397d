"""The stacks' parameters: who has which, what they come to, and what is refused before anything is made."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from handlers.sfn.express import LIMIT_SECONDS, longest_child_seconds


class BadParameter(ValueError):
    """A parameter that no stack has, or values that cannot work; the message says which and what would do."""


# libyaml reads a template in a tenth of the time.
class TemplateLoader(yaml.CSafeLoader):
    """Reads a template's plain values; CloudFormation's own tags become None."""


TemplateLoader.add_multi_constructor("!", lambda loader, tag, node: None)


def declared(template: str) -> dict[str, dict[str, Any]]:
    """The template's parameters: name, and the fields that CloudFormation knows (`Default`, `AllowedValues`, ...)."""
    # SafeLoader's own constructors and CloudFormation's tags only: nothing in the file can run.
    return yaml.load(template, TemplateLoader)["Parameters"]


def settle(known: Mapping[str, Mapping[str, Any]], *layers: Mapping[str, str]) -> dict[str, str]:
    """Values for the parameters `known`: their defaults, and over them each layer's in turn.

    Raises BadParameter for a value that the template does not allow.
    """
    values = {name: str(about["Default"]) for name, about in known.items() if "Default" in about}
    for layer in layers:
        values |= {name: value for name, value in layer.items() if name in known}
    for name, value in values.items():
        refuse_bad(name, value, known[name])
    return values


def refuse_bad(name: str, value: str, about: Mapping[str, Any]) -> None:
    """Raise BadParameter for what CloudFormation would refuse too: the sandbox's engine does not look."""
    allowed = [str(each) for each in about.get("AllowedValues", [])]
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
    """Raise BadParameter for a name that no stack has: a typing error would otherwise pass unnoticed."""
    names = {name for parameters in known for name in parameters}
    if unknown := sorted(set(given) - names):
        raise BadParameter(f"unknown parameter {unknown[0]!r}; the stacks have {', '.join(sorted(names))}")


def refuse_items_beyond_the_most(values: Mapping[str, str]) -> None:
    """Raise BadParameter when a request that says nothing of its items, such as the schedule's, would be refused."""
    if int(values["Items"]) > int(values["MaxItems"]):
        raise BadParameter(f"Items={values['Items']} is more than MaxItems={values['MaxItems']}: raise MaxItems too")


def refuse_sharing_with_code(values: Mapping[str, str], code_bucket: str) -> None:
    """Raise BadParameter for a bucket that holds the functions' code, where others write: they could plant some."""
    for name in ("InputBucket", "ResultsBucket"):
        if values.get(name) in (code_bucket, values.get("CodeBucket", code_bucket)):
            raise BadParameter(
                f"{name}={values[name]}: that is the bucket of the functions' code, which neither they nor who "
                "supplies their input may write: name another"
            )


def refuse_short_lived_children(values: Mapping[str, str]) -> None:
    """Raise BadParameter when an EXPRESS child could reach its end at 5 minutes, which no Catch can see."""
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
