"""The batch request of `rollcall run`, checked before anything is started."""

import re
from collections.abc import Mapping
from typing import Any

from bootstrap.problem import Problem
from handlers.core.batch import BatchRequest, InvalidRequest
from rollcall.batches.inputs import Inputs
from rollcall.target.connection import Stack

# Fields that are for random items only.
RANDOM_ONLY = ("items", "maxValue", "failRate")


def check_request(architecture: str, fields: Mapping[str, Any], inputs: Inputs | None) -> None:
    """Raise Problem with the option that the stack would refuse."""
    if architecture == "sfn" and "deadlineSeconds" in fields:
        raise Problem("--deadline is for sqs: a state machine has one deadline for all its executions")
    if inputs:
        for name in RANDOM_ONLY:
            if name in fields:
                raise Problem(f"--input and {option_of(name)} exclude each other: the file has the items")
        inputs.check()
    try:
        BatchRequest.parse(dict(fields))
    except InvalidRequest as error:
        field, _, rest = str(error).partition(": ")
        raise Problem(f"{option_of(field)}: {rest}", "see `rollcall run --help`") from error


def option_of(field: str) -> str:
    """The option that sets a field of the request."""
    if field == "deadlineSeconds":
        return "--deadline"
    return "--" + re.sub(r"[A-Z]", lambda capital: "-" + capital[0].lower(), field)


def refuse_too_many_items(fields: Mapping[str, Any], stack: Stack) -> None:
    """Raise Problem for more random items than the stack's MaxItems. The batcher counts the items of a file."""
    items, max_items = fields.get("items", 0), int(stack.parameters["MaxItems"])
    if items > max_items:
        raise Problem(
            f"--items: {items:,} are more than MaxItems of {stack.name}, {max_items:,}",
            f"raise it: `rollcall up --parameter MaxItems={items}`; on AWS `python -m bootstrap deploy --aws` with the "
            "same --parameter",
        )
