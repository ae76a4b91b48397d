"""The stacks' parameters: read from the templates, resolved to values, and checked before anything is created."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from handlers.sfn.express import ANY_MINUTE, LIMIT_SECONDS, begin_minutes, settle_seconds, work_seconds

# What `deploy` computes, or its caller makes of the work.
COMPUTED = {
    "BeginMinutes", "CodeBucket", "CodeKey", "DefinitionKey", "FunctionVisibilitySeconds",
    "ProcessorVisibilitySeconds", "SdkLayerKey", "SettleSeconds", "SourcePolicyArn",
    "WorkEnvironment", "WorkLayerKey", "WorkPolicyArn", "WorkSecrets",
}  # fmt: skip
# The numbers that need not be whole.
FRACTIONS = {"ItemTimeout", "ToleratedFailurePercentage", "WorkScale"}
# Of the 4 KB that Lambda has for a function's environment variables the functions' own take about half.
MAX_ENVIRONMENT_BYTES = 2_000
# The longest batching window of an event source here.
WINDOW_SECONDS = 1


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


def agreed(name: str, wanted: Mapping[str, Mapping[str, str]]) -> str:
    """The value that a parameter has in all stacks. Raises BadParameter if it differs."""
    values = {stack: parameters[name] for stack, parameters in wanted.items()}
    if len(set(values.values())) > 1:
        told = ", ".join(f"{value} in {stack}" for stack, value in values.items())
        raise BadParameter(f"{name} is {told}: say one of them with --parameter, or deploy one at a time with --stack")
    return next(iter(values.values()))


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
    kind, pattern = ("", r"\d+(\.\d+)?") if name in FRACTIONS else ("whole ", r"\d+")
    if not re.fullmatch(pattern, value, re.ASCII) or not low <= float(value) <= high:
        raise BadParameter(f"{name}={value}: it must be a {kind}number from {low} to {high}")


def refuse_unknown(given: Iterable[str], known: Iterable[Iterable[str]]) -> None:
    """Raise BadParameter for a name that no stack has, such as a misspelt one, and for a computed parameter."""
    names = {name for parameters in known for name in parameters} - COMPUTED
    if computed := sorted(set(given) & COMPUTED):
        raise BadParameter(f"{computed[0]} cannot be set: the deployment computes it. Leave it out")
    if unknown := sorted(set(given) - names):
        raise BadParameter(f"unknown parameter {unknown[0]!r}; the stacks have {', '.join(sorted(names))}")


def derived(values: Mapping[str, str]) -> dict[str, str]:
    """The parameters that follow from the timeouts in `values`: CloudFormation cannot compute.

    AWS asks for a visibility timeout of at least 6 times the function's timeout plus the batching window.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    processor = int(values["ProcessorTimeout"])
    express = values.get("ChildType") == "EXPRESS"
    return {
        "BeginMinutes": str(begin_minutes(processor, int(values["RetryDelaySeconds"])) if express else ANY_MINUTE),
        "FunctionVisibilitySeconds": str(6 * int(values["FunctionTimeout"]) + WINDOW_SECONDS),
        "ProcessorVisibilitySeconds": str(6 * processor + WINDOW_SECONDS),
        "SettleSeconds": str(settle_seconds(processor)),
    }


def refuse_items_beyond_max_items(values: Mapping[str, str]) -> None:
    """Raise BadParameter if a request without `items`, such as the schedule's, would be refused."""
    if int(values["Items"]) > int(values["MaxItems"]):
        raise BadParameter(f"Items={values['Items']} is more than MaxItems={values['MaxItems']}: raise MaxItems too")


def refuse_large_environment(values: Mapping[str, str]) -> None:
    """Raise BadParameter if what is said of the work does not fit beside a function's own environment variables.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    size = sum(len(values[name].encode()) for name in ("WorkEnvironment", "WorkSecrets", "PermanentErrors"))
    if size > MAX_ENVIRONMENT_BYTES:
        raise BadParameter(
            f"the work's environment variables, names of secrets and PermanentErrors have {size:,} bytes: "
            f"{MAX_ENVIRONMENT_BYTES:,} at most, since a function's variables have 4 KB in all. Put long values into a "
            "file beside the work, or into a secret"
        )


def refuse_sharing_with_code(values: Mapping[str, str], code_bucket: str) -> None:
    """Raise BadParameter for an input or results bucket that is the code bucket: its writers could replace the code."""
    for name in ("InputBucket", "ResultsBucket"):
        if values.get(name) == code_bucket:
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


def refuse_long_items(values: Mapping[str, str]) -> None:
    """Raise BadParameter for items that may take longer than the processor has: they would end with it."""
    if float(values["ItemTimeout"]) >= float(values["ProcessorTimeout"]):
        raise BadParameter(
            f"ItemTimeout={values['ItemTimeout']} must be less than ProcessorTimeout={values['ProcessorTimeout']}, or "
            "0 for as long as the processor has: raise ProcessorTimeout too"
        )


def refuse_short_lived_children(values: Mapping[str, str]) -> None:
    """Raise BadParameter if an EXPRESS child has less than a minute to begin work: it ends after 5 minutes."""
    if values.get("ChildType") != "EXPRESS":
        return
    timeout, delay = int(values["ProcessorTimeout"]), int(values["RetryDelaySeconds"])
    if begin_minutes(timeout, delay) < 1:
        raise BadParameter(
            f"ProcessorTimeout={timeout} with RetryDelaySeconds={delay} requires ChildType=STANDARD: an EXPRESS child "
            f"ends after {LIMIT_SECONDS} s, and may need {work_seconds(timeout, delay)} s for what it has begun, with "
            "starts, waits and what Lambda refuses, besides a minute in which to begin. Choose that type, or lower them"
        )
