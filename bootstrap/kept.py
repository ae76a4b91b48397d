"""The parameters that a deployed stack keeps: those that a deployment on AWS says nothing of."""

from collections.abc import Mapping
from typing import Any

from bootstrap.change_sets import INCOMPLETE
from bootstrap.parameters import COMPUTED, BadParameter, refuse_bad_value
from bootstrap.stacks import Description, parameters_of


def kept_values(
    described: Description | None, known: Mapping[str, Mapping[str, Any]], given: Mapping[str, str]
) -> dict[str, str]:
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
            raise BadParameter(f"{described['StackName']} has {refused}: say another with --parameter") from refused
    return kept
