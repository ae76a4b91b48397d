"""The parameters that a deployment says nothing of: the sandbox has values of its own, a stack on AWS keeps its own."""

from collections.abc import Mapping
from typing import Any

from bootstrap.change_sets import INCOMPLETE, Stacks
from bootstrap.parameters import COMPUTED, BadParameter, refuse_bad_value
from bootstrap.stacks import SANDBOX_PARAMETERS, Description, parameters_of

type Declared = Mapping[str, Mapping[str, Any]]
"""A template's parameters by name, each with its fields."""


def values_before(
    stacks: Stacks, stack: str, known: Declared, given: Mapping[str, str], usual: Mapping[str, str]
) -> Mapping[str, str]:
    """The sandbox's values or, on AWS, those that the stack keeps (see kept_values).

    Kept values that are neither the template's defaults nor `usual` are told. Raises BadParameter.
    """
    if stacks.sandbox:
        return SANDBOX_PARAMETERS
    kept = kept_values(stacks.describe(stack), known, given)
    usual = {name: str(about["Default"]) for name, about in known.items() if "Default" in about} | dict(usual)
    if told := ", ".join(f"{name}={value}" for name, value in sorted(kept.items()) if value != usual.get(name)):
        stacks.progress(f"{stack} keeps {told}")
    return kept


def kept_values(described: Description | None, known: Declared, given: Mapping[str, str]) -> dict[str, str]:
    """The values of a stack's parameters that are neither `given` nor computed, and that its template `known` has.

    `described` is CloudFormation's description, None if there is no stack. A stack that never was complete keeps
    nothing. No parameter is read as asterisks: none of the templates' is NoEcho.

    Raises BadParameter for a value that the template does not allow any more.
    """
    if not described or described["StackStatus"] in INCOMPLETE:
        return {}
    there = parameters_of(described).items()
    kept = {name: value for name, value in there if name in known and name not in COMPUTED and name not in given}
    for name, value in kept.items():
        try:
            refuse_bad_value(name, value, known[name])
        except BadParameter as refused:
            raise BadParameter(
                f"{described['StackName']} has {refused}. Say another value with --parameter"
            ) from refused
    return kept
